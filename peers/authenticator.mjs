// A few lines of browser and authenticator for the peers' own tests: one ES256
// credential without attestation, and cookies. What a peer is really put through
// is the suite's; this only tells that it is up and set up.
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { once } from 'node:events';

const sha256 = (data) => createHash('sha256').update(data).digest();
export const b64u = (data) => Buffer.from(data).toString('base64url');
const UP = 0x01, UV = 0x04, AT = 0x40;

/** listen puts a peer's server on a port and returns its address. */
export async function listen(server) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${server.address().port}`;
}

/** A browser on the page of one origin: it keeps cookies and says where it is. */
export class Browser {
  cookies = new Map();

  constructor(base, origin) {
    Object.assign(this, { base, origin });
  }

  async fetch(method, path, { json, form, headers = {} } = {}) {
    if (json !== undefined) headers = { 'content-type': 'application/json', ...headers };
    const answer = await fetch(this.base + path, {
      method,
      redirect: 'manual',
      headers: { origin: this.origin, cookie: [...this.cookies].map(([k, v]) => `${k}=${v}`).join('; '), ...headers },
      body: json !== undefined ? JSON.stringify(json) : form && new URLSearchParams(form),
    });
    for (const line of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      if (/max-age=0/i.test(line)) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    const text = await answer.text();
    let body = text;
    try {
      body = JSON.parse(text);
    } catch {
      // no JSON: the text is the body
    }
    return { status: answer.status, headers: answer.headers, body };
  }

  get(path, more) {
    return this.fetch('GET', path, more);
  }

  post(path, json, more) {
    return this.fetch('POST', path, { json, ...more });
  }
}

/** One credential, made for an RP ID and used from the pages of an origin. */
export class Key {
  id = randomBytes(16);
  count = 1;
  pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });

  constructor(rpId, origin) {
    Object.assign(this, { rpId, origin });
  }

  authData(flags, rest = Buffer.alloc(0)) {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(this.count++);
    return Buffer.concat([sha256(this.rpId), Buffer.from([flags]), counter, rest]);
  }

  /** What the browser makes of it, in the form of the WebAuthn JSON methods. */
  json(response) {
    return { id: b64u(this.id), rawId: b64u(this.id), type: 'public-key', clientExtensionResults: {}, response };
  }

  create({ challenge }, { origin = this.origin } = {}) {
    const { x, y } = this.pair.publicKey.export({ format: 'jwk' });
    const key = Buffer.concat([Buffer.from('a5010203262001215820', 'hex'), Buffer.from(x, 'base64url'), Buffer.from('225820', 'hex'), Buffer.from(y, 'base64url')]);
    const authData = this.authData(UP | UV | AT, Buffer.concat([Buffer.alloc(16), Buffer.from([0, this.id.length]), this.id, key]));
    // {fmt: "none", attStmt: {}, authData: h'...'}
    const object = Buffer.concat([Buffer.from('a363666d74646e6f6e656761747453746d74a0686175746844617461', 'hex'), Buffer.from([0x58, authData.length]), authData]);
    return this.json({
      clientDataJSON: b64u(JSON.stringify({ type: 'webauthn.create', challenge, origin, crossOrigin: false })),
      attestationObject: b64u(object),
      transports: ['usb'],
    });
  }

  get({ challenge }, { origin = this.origin, userHandle } = {}) {
    const clientData = Buffer.from(JSON.stringify({ type: 'webauthn.get', challenge, origin, crossOrigin: false }));
    const authData = this.authData(UP | UV);
    return this.json({
      clientDataJSON: b64u(clientData),
      authenticatorData: b64u(authData),
      signature: b64u(sign('sha256', Buffer.concat([authData, sha256(clientData)]), this.pair.privateKey)),
      ...(userHandle && { userHandle }),
    });
  }
}
