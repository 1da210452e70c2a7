// A Relying Party on fido2-lib that speaks the FIDO server API, for
// Touchstone to test. The library verifies; this file keeps what a library cannot
// keep (accounts, sessions, credentials) and compares what only it can compare.
// README.md lists which of the two does what.
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { Fido2Lib } from 'fido2-lib';

const BODY_LIMIT = 1 << 20;

/** A failure that is the caller's: answered with its status and the dialect's failure form. */
class Refusal extends Error {
  constructor(message, status = 400) {
    super(message);
    this.status = status;
  }
}

/**
 * newPeer returns a node:http server that is not listening yet. Everything lives in
 * memory and dies with it. config.origin may still change until the first request.
 */
export function newPeer(config) {
  const users = new Map(); // username -> {id, name, credentials: Map of credential id -> record}
  const owners = new Map(); // credential id -> user, over all users
  const sessions = new Map(); // cookie value -> pending ceremony

  const descriptors = (user) => [...user.credentials.values()].map(({ id, transports }) => ({ type: 'public-key', id, transports }));

  // One library object for each set of options: it takes them when it is made.
  const library = (options) => new Fido2Lib({ rpId: config.rpId, rpName: 'Touchstone peer', ...options });

  // A challenge is good for one try, successful or not, and for as long as the
  // options gave the user (https://www.w3.org/TR/webauthn-3/#sctn-cryptographic-challenges).
  const take = (session, ceremony) => {
    const pending = sessions.get(session);
    sessions.delete(session);
    if (pending?.ceremony !== ceremony) throw new Refusal(`no ${ceremony} is under way in this session`);
    if (Date.now() > pending.deadline) throw new Refusal(`the ${ceremony} took too long`);
    return pending;
  };
  const begin = (session, ceremony, options, rest) =>
    sessions.set(session, {
      ceremony,
      challenge: b64u(options.challenge),
      deadline: Date.now() + options.timeout,
      ...rest,
    });

  const routes = {
    async '/attestation/options'(body, session) {
      const name = text(body.username, 'username');
      const user = users.get(name) ?? { id: randomBytes(32), name, credentials: new Map() };
      users.set(name, user);
      const wanted = body.authenticatorSelection ?? {};
      const lib = library({
        ...(body.attestation && { attestation: body.attestation }),
        ...(wanted.authenticatorAttachment && { authenticatorAttachment: wanted.authenticatorAttachment }),
        ...(wanted.userVerification && { authenticatorUserVerification: wanted.userVerification }),
        ...((wanted.residentKey === 'required' || wanted.requireResidentKey === true) && { authenticatorRequireResidentKey: true }),
      });
      const options = await lib.attestationOptions();
      begin(session, 'registration', options, { user, lib, uv: wanted.userVerification });
      return {
        ...options,
        challenge: b64u(options.challenge),
        user: { id: b64u(user.id), name, displayName: body.displayName || name },
        excludeCredentials: descriptors(user),
      };
    },

    async '/attestation/result'(body, session) {
      const { user, lib, challenge, uv } = take(session, 'registration');
      const result = await lib.attestationResult(wire(body), {
        challenge,
        origin: config.origin,
        rpId: config.rpId,
        factor: uv === 'required' ? 'first' : 'second',
      });
      const id = b64u(result.authnrData.get('credId'));
      // Only whoever holds all accounts can tell that an id is taken
      // (https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential step 26).
      if (owners.has(id)) throw new Refusal('the credential is already registered');
      owners.set(id, user);
      user.credentials.set(id, {
        id,
        publicKey: result.authnrData.get('credentialPublicKeyPem'),
        counter: result.authnrData.get('counter'),
        transports: body.response.transports,
      });
      return {};
    },

    async '/assertion/options'(body, session) {
      const user = users.get(text(body.username, 'username'));
      if (!user?.credentials.size) throw new Refusal('unknown user');
      const lib = library(body.userVerification && { authenticatorUserVerification: body.userVerification });
      const options = await lib.assertionOptions();
      begin(session, 'authentication', options, { user, lib, uv: body.userVerification });
      return { ...options, challenge: b64u(options.challenge), allowCredentials: descriptors(user) };
    },

    async '/assertion/result'(body, session) {
      const { user, lib, challenge, uv } = take(session, 'authentication');
      const record = user.credentials.get(body.id);
      if (!record) throw new Refusal('the credential is not one of this user');
      const result = await lib.assertionResult(wire(body), {
        challenge,
        origin: config.origin,
        rpId: config.rpId,
        factor: uv === 'required' ? 'first' : 'second',
        publicKey: record.publicKey,
        prevCounter: record.counter,
        userHandle: b64u(user.id),
        // The ids alone: of transports the library takes only those it knows, which lack hybrid.
        allowCredentials: descriptors(user).map(({ type, id }) => ({ type, id })),
      });
      record.counter = result.authnrData.get('counter');
      return {};
    },
  };

  return createServer(async (req, res) => {
    const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' };
    try {
      const { pathname } = new URL(req.url, 'http://peer.invalid');
      const route = Object.hasOwn(routes, pathname) ? routes[pathname] : undefined;
      if (!route) throw new Refusal(`nothing at ${pathname}`, 404);
      if (req.method !== 'POST') throw new Refusal(`${pathname} takes POST`, 405);
      const body = await json(req);
      let session = /(?:^|;\s*)peer-session=([\w-]+)/.exec(req.headers.cookie ?? '')?.[1];
      if (!session) {
        session = randomBytes(24).toString('base64url');
        headers['set-cookie'] = `peer-session=${session}; Path=/; HttpOnly; SameSite=Strict`;
      }
      const answer = await route(body, session);
      res.writeHead(200, headers).end(JSON.stringify({ status: 'ok', errorMessage: '', ...answer }));
    } catch (error) {
      // The library says no by throwing, whatever the class of the error.
      const errorMessage = String(error?.message || error || 'failed');
      res.writeHead(error?.status ?? 400, headers).end(JSON.stringify({ status: 'failed', errorMessage }));
    }
  });
}

/** wire turns the dialect's body into the library's, which wants the ids as bytes. */
function wire(body) {
  const id = bytes(body.id, 'id');
  const { response = {}, ...rest } = body;
  // A handle that is not there is null in the library's words.
  const handle = response?.userHandle;
  return { ...rest, id, rawId: body.rawId === undefined ? id : bytes(body.rawId, 'rawId'), response: response && { ...response, ...(handle === '' && { userHandle: undefined }) } };
}

function bytes(value, name) {
  if (typeof value !== 'string' || !/^[\w-]*$/.test(value)) throw new Refusal(`${name} must be base64url without padding`);
  return new Uint8Array(Buffer.from(value, 'base64url')).buffer;
}

function b64u(data) {
  return Buffer.from(data).toString('base64url');
}

function text(value, name) {
  if (typeof value !== 'string' || value === '') throw new Refusal(`${name} must be a string that is not empty`);
  return value;
}

async function json(req) {
  const chunks = [];
  let size = 0;
  for await (const chunk of req) {
    size += chunk.length;
    if (size > BODY_LIMIT) throw new Refusal('the body is too large', 413);
    chunks.push(chunk);
  }
  let body;
  try {
    body = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (error) {
    throw new Refusal(`the body is not JSON: ${error.message}`);
  }
  if (body === null || typeof body !== 'object' || Array.isArray(body)) throw new Refusal('the body is not a JSON object');
  return body;
}

function main() {
  const fail = (error) => {
    console.error(`server.js: ${error.message}`);
    process.exit(2);
  };
  let values;
  try {
    ({ values } = parseArgs({
      options: {
        port: { type: 'string', default: '0' },
        'rp-id': { type: 'string', default: 'localhost' },
        origin: { type: 'string' },
      },
    }));
    if (!/^\d{1,5}$/.test(values.port)) throw new Error(`--port ${values.port} is not a port number`);
  } catch (error) {
    fail(error);
  }
  const config = { rpId: values['rp-id'], origin: values.origin };
  const server = newPeer(config);
  server.on('error', fail);
  server.listen(Number(values.port), '127.0.0.1', () => {
    const url = `http://localhost:${server.address().port}`;
    config.origin ??= url;
    console.log(`ready ${url}`);
  });
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => {
      server.close();
      server.closeAllConnections();
    });
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) main();
