// Drives the peer over HTTP with a few lines of authenticator: the ceremonies that
// must pass, and one refusal for each thing that the server, not the library, checks.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { createInterface } from 'node:readline';
import { isoCBOR } from '@simplewebauthn/server/helpers';
import { newPeer } from './server.js';

const rpId = 'rp.example';
const origin = 'https://rp.example';
let base;
let server;

before(async () => {
  server = newPeer({ rpId, origin });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  base = `http://127.0.0.1:${server.address().port}`;
});
after(() => server.close());

/** A browser as far as cookies go. */
class Browser {
  async post(path, body) {
    const answer = await fetch(base + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(this.cookie && { cookie: this.cookie }) },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    this.cookie ??= answer.headers.get('set-cookie')?.split(';')[0];
    return { code: answer.status, ...(await answer.json()) };
  }
}

const sha256 = (data) => createHash('sha256').update(data).digest();
const b64u = (data) => Buffer.from(data).toString('base64url');
const UP = 0x01, UV = 0x04, BE = 0x08, AT = 0x40;

/** One ES256 credential. */
class Key {
  id = randomBytes(16);
  count = 1;
  pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });

  clientData(type, challenge, from = origin) {
    return Buffer.from(JSON.stringify({ type, challenge, origin: from, crossOrigin: false }));
  }

  authData(flags, rest = Buffer.alloc(0)) {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(this.count++);
    return Buffer.concat([sha256(rpId), Buffer.from([flags]), counter, rest]);
  }

  create(options, { flags = UP | UV, from } = {}) {
    const jwk = this.pair.publicKey.export({ format: 'jwk' });
    const cose = isoCBOR.encode(new Map([
      [1, 2], [3, -7], [-1, 1],
      [-2, new Uint8Array(Buffer.from(jwk.x, 'base64url'))],
      [-3, new Uint8Array(Buffer.from(jwk.y, 'base64url'))],
    ]));
    const length = Buffer.alloc(2);
    length.writeUInt16BE(this.id.length);
    const authData = this.authData(flags | AT, Buffer.concat([Buffer.alloc(16), length, this.id, cose]));
    const object = isoCBOR.encode(new Map([['fmt', 'none'], ['attStmt', new Map()], ['authData', new Uint8Array(authData)]]));
    return {
      id: b64u(this.id),
      type: 'public-key',
      response: {
        clientDataJSON: b64u(this.clientData('webauthn.create', options.challenge, from)),
        attestationObject: b64u(object),
      },
      getClientExtensionResults: {},
    };
  }

  get(options, { flags = UP | UV, userHandle } = {}) {
    const clientData = this.clientData('webauthn.get', options.challenge);
    const authData = this.authData(flags);
    const signature = sign('sha256', Buffer.concat([authData, sha256(clientData)]), this.pair.privateKey);
    return {
      id: b64u(this.id),
      type: 'public-key',
      response: {
        clientDataJSON: b64u(clientData),
        authenticatorData: b64u(authData),
        signature: b64u(signature),
        ...(userHandle && { userHandle }),
      },
      getClientExtensionResults: {},
    };
  }
}

let names = 0;

/** An account with one credential, registered through the front door. */
async function account(extra = {}, response = {}) {
  const browser = new Browser();
  const username = `user-${++names}`;
  const key = new Key();
  const options = await browser.post('/attestation/options', { username, displayName: 'A', ...extra });
  assert.equal(options.status, 'ok', options.errorMessage);
  const result = await browser.post('/attestation/result', key.create(options, response));
  return { browser, username, key, options, result };
}

const refused = (answer, message) => {
  assert.equal(answer.status, 'failed', 'the peer accepted what it must refuse');
  assert.ok(answer.code >= 400 && answer.code < 500, `status ${answer.code}`);
  assert.match(answer.errorMessage, message);
};

test('a registration and an authentication pass', async () => {
  const { browser, username, key, options, result } = await account();
  assert.deepEqual(result, { code: 200, status: 'ok', errorMessage: '' });
  const request = await browser.post('/assertion/options', { username });
  assert.deepEqual(request.allowCredentials, [{ id: b64u(key.id), type: 'public-key' }]);
  const login = await browser.post('/assertion/result', key.get(request, { userHandle: options.user.id }));
  assert.deepEqual(login, { code: 200, status: 'ok', errorMessage: '' });
});

test('the options carry what was asked for and the defaults of the library', async () => {
  const browser = new Browser();
  const username = `user-${++names}`;
  const plain = await browser.post('/attestation/options', { username, displayName: 'Ada' });
  assert.equal(plain.rp.id, rpId);
  assert.equal(plain.attestation, 'none');
  assert.equal(plain.user.displayName, 'Ada');
  assert.equal(plain.timeout, 60000);
  assert.equal(plain.authenticatorSelection.userVerification, 'preferred');
  assert.deepEqual(plain.excludeCredentials, []);
  const asked = await browser.post('/attestation/options', {
    username,
    displayName: 'Ada',
    attestation: 'direct',
    authenticatorSelection: { userVerification: 'required', residentKey: 'required' },
    extensions: { 'example.extension.bool': true },
  });
  assert.equal(asked.attestation, 'direct');
  assert.equal(asked.authenticatorSelection.userVerification, 'required');
  assert.equal(asked.authenticatorSelection.requireResidentKey, true);
  assert.equal(asked.extensions['example.extension.bool'], true);
  assert.equal(asked.user.id, plain.user.id, 'a user keeps the handle');
  assert.notEqual(asked.challenge, plain.challenge);
});

test('a credential of the user is excluded from the next registration', async () => {
  const { browser, username, key } = await account();
  const again = await browser.post('/attestation/options', { username, displayName: 'A' });
  assert.deepEqual(again.excludeCredentials, [{ id: b64u(key.id), type: 'public-key' }]);
});

test('another origin is refused', async () => {
  const { result } = await account({}, { from: 'https://evil.example' });
  refused(result, /origin/);
});

test('user verification is required only where the request says so', async () => {
  const authenticatorSelection = { userVerification: 'required' };
  const strict = await account({ authenticatorSelection }, { flags: UP });
  refused(strict.result, /verif/);
  const { browser, username, key, result } = await account({}, { flags: UP });
  assert.equal(result.status, 'ok', result.errorMessage);
  const request = await browser.post('/assertion/options', { username, userVerification: 'required' });
  refused(await browser.post('/assertion/result', key.get(request, { flags: UP })), /verif/);
});

test('a challenge is good for one try', async () => {
  const { browser, username, key } = await account();
  const request = await browser.post('/assertion/options', { username });
  const response = key.get(request);
  assert.equal((await browser.post('/assertion/result', response)).status, 'ok');
  refused(await browser.post('/assertion/result', response), /no authentication is under way/);
});

test('a challenge is good in its own session and ceremony only', async () => {
  const { browser, username, key } = await account();
  const request = await browser.post('/assertion/options', { username });
  refused(await new Browser().post('/assertion/result', key.get(request)), /no authentication is under way/);
  refused(await browser.post('/attestation/result', key.create(request)), /no registration is under way/);
});

test('a credential is registered once over all users', async () => {
  const { key } = await account();
  const browser = new Browser();
  const options = await browser.post('/attestation/options', { username: `user-${++names}`, displayName: 'B' });
  refused(await browser.post('/attestation/result', key.create(options)), /already registered/);
});

test('a credential of another user is refused', async () => {
  const ada = await account();
  const bob = await account();
  const request = await ada.browser.post('/assertion/options', { username: ada.username });
  refused(await ada.browser.post('/assertion/result', bob.key.get(request)), /not one of this user/);
});

test('a user handle of another user is refused', async () => {
  const ada = await account();
  const bob = await account();
  const request = await ada.browser.post('/assertion/options', { username: ada.username });
  const response = ada.key.get(request, { userHandle: bob.options.user.id });
  refused(await ada.browser.post('/assertion/result', response), /user handle/);
});

test('a login without a name needs the user handle', async () => {
  const { browser, key, options } = await account();
  const first = await browser.post('/assertion/options', {});
  assert.equal(first.allowCredentials, undefined);
  refused(await browser.post('/assertion/result', key.get(first)), /user handle/);
  const second = await browser.post('/assertion/options', {});
  const login = await browser.post('/assertion/result', key.get(second, { userHandle: options.user.id }));
  assert.equal(login.status, 'ok', login.errorMessage);
});

test('the stored counter and backup eligibility bind', async () => {
  const { browser, username, key } = await account();
  let request = await browser.post('/assertion/options', { username });
  assert.equal((await browser.post('/assertion/result', key.get(request))).status, 'ok');
  key.count = 1;
  request = await browser.post('/assertion/options', { username });
  refused(await browser.post('/assertion/result', key.get(request)), /counter/);
  key.count = 100;
  request = await browser.post('/assertion/options', { username });
  refused(await browser.post('/assertion/result', key.get(request, { flags: UP | UV | BE })), /backup eligibility/);
});

test('what is not a request of the dialect is refused in its form', async () => {
  const browser = new Browser();
  refused(await browser.post('/attestation/options', {}), /username/);
  refused(await browser.post('/assertion/options', { username: 'nobody' }), /unknown user/);
  refused(await browser.post('/attestation/options', '{'), /not JSON/);
  refused(await browser.post('/attestation/options', '[]'), /not a JSON object/);
  refused(await browser.post('/elsewhere', {}), /nothing at/);
  refused(await browser.post('/attestation/result', { id: 'AA' }), /under way/);
  const { username } = await account();
  await browser.post('/assertion/options', { username });
  refused(await browser.post('/assertion/result', {}), /./);
  await browser.post('/attestation/options', { username });
  refused(await browser.post('/attestation/result', {}), /./);
  const got = await fetch(`${base}/attestation/options`);
  assert.equal(got.status, 405);
});

test('the program prints its URL and stops on SIGTERM', { timeout: 20000 }, async () => {
  const child = spawn(process.execPath, ['server.js', '--port', '0'], { cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  try {
    const [line] = await once(createInterface({ input: child.stdout }), 'line');
    assert.match(line, /^ready http:\/\/localhost:\d+$/);
    const answer = await fetch(`${line.slice('ready '.length).replace('localhost', '127.0.0.1')}/attestation/options`, {
      method: 'POST',
      body: '{"username":"ada"}',
    });
    assert.equal((await answer.json()).rp.id, 'localhost');
  } finally {
    child.kill('SIGTERM');
  }
  assert.deepEqual(await exit, [0, null]);
});
