// A Relying Party on @simplewebauthn/server that speaks the FIDO server API, for
// Touchstone to test. The library verifies; this file keeps what a library cannot
// keep (accounts, sessions, credentials) and compares what only it can compare.
// README.md lists which of the two does what.
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server';

const BODY_LIMIT = 1 << 20;

/** A failure that is the caller's: answered with its status and the dialect's failure form. */
export class Refusal extends Error {
  constructor(message, status = 400) {
    super(message);
    this.status = status;
  }
}

/**
 * newPeer returns a node:http server that is not listening yet. Everything lives in
 * memory and dies with it. config.origin may still change until the first request.
 * The face is how it speaks to the outside: it turns a request into a call of one of
 * the routes below, and what they return or throw into {status, headers, body}.
 */
export function newPeer(config, face = fido) {
  const users = new Map(); // username -> {id, name, credentials: Map of credential id -> record}
  const owners = new Map(); // credential id -> user, over all users
  const sessions = new Map(); // cookie value -> pending ceremony

  const descriptors = (user) =>
    [...user.credentials.values()].map(({ id, transports }) => ({ id, transports }));

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
      challenge: options.challenge,
      deadline: Date.now() + options.timeout,
      ...rest,
    });

  const routes = {
    async '/attestation/options'(body, session) {
      const name = text(body.username, 'username');
      const user = users.get(name) ?? { id: randomBytes(32), name, credentials: new Map() };
      users.set(name, user);
      const options = await generateRegistrationOptions({
        rpName: 'Touchstone peer',
        rpID: config.rpId,
        userName: name,
        userDisplayName: body.displayName,
        userID: user.id,
        attestationType: body.attestation,
        excludeCredentials: descriptors(user),
        authenticatorSelection: body.authenticatorSelection,
        extensions: body.extensions,
      });
      begin(session, 'registration', options, {
        user,
        userVerification: options.authenticatorSelection.userVerification,
      });
      return options;
    },

    async '/attestation/result'(body, session) {
      const { user, challenge, userVerification } = take(session, 'registration');
      const { verified, registrationInfo } = await verifyRegistrationResponse({
        response: wire(body),
        expectedChallenge: challenge,
        expectedOrigin: config.origin,
        expectedRPID: config.rpId,
        requireUserVerification: userVerification === 'required',
      });
      if (!verified) throw new Refusal('the registration response was not verified');
      const { credential, credentialDeviceType, credentialBackedUp } = registrationInfo;
      // Only whoever holds all accounts can tell that an id is taken
      // (https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential step 26).
      if (owners.has(credential.id)) throw new Refusal('the credential is already registered');
      owners.set(credential.id, user);
      user.credentials.set(credential.id, { ...credential, credentialDeviceType, credentialBackedUp });
      return {};
    },

    async '/assertion/options'(body, session) {
      // No username at all asks for a discoverable credential.
      const user = body.username === undefined ? undefined : users.get(text(body.username, 'username'));
      if (body.username !== undefined && !user?.credentials.size) throw new Refusal('unknown user');
      const options = await generateAuthenticationOptions({
        rpID: config.rpId,
        allowCredentials: user && descriptors(user),
        userVerification: body.userVerification,
        extensions: body.extensions,
      });
      begin(session, 'authentication', options, { user, userVerification: options.userVerification });
      return options;
    },

    async '/assertion/result'(body, session) {
      const { user, challenge, userVerification } = take(session, 'authentication');
      const response = wire(body);
      const handle = response.response?.userHandle;
      const owner = user ?? owners.get(response.id);
      const record = owner?.credentials.get(response.id);
      if (!record) throw new Refusal('the credential is not one of this user');
      // https://www.w3.org/TR/webauthn-3/#sctn-verifying-assertion step 6: who was not
      // named before must be named by the handle, and a handle never names another.
      if (handle ? handle !== owner.id.toString('base64url') : !user) {
        throw new Refusal('the user handle is not that of the user');
      }
      const { verified, authenticationInfo } = await verifyAuthenticationResponse({
        response,
        expectedChallenge: challenge,
        expectedOrigin: config.origin,
        expectedRPID: config.rpId,
        credential: record,
        requireUserVerification: userVerification === 'required',
      });
      if (!verified) throw new Refusal('the assertion was not verified');
      if (authenticationInfo.credentialDeviceType !== record.credentialDeviceType) {
        throw new Refusal('the backup eligibility changed');
      }
      record.counter = authenticationInfo.newCounter;
      record.credentialBackedUp = authenticationInfo.credentialBackedUp;
      return {};
    },
  };

  return createServer(async (req, res) => {
    const { status, headers, body } = await face(req, routes);
    res
      .writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers })
      .end(JSON.stringify(body));
  });
}

/** fido is the FIDO server API: the session is a cookie, and a status is in every body. */
async function fido(req, routes) {
  const headers = {};
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
    return { status: 200, headers, body: { status: 'ok', errorMessage: '', ...answer } };
  } catch (error) {
    return { status: error?.status ?? 400, headers, body: { status: 'failed', errorMessage: reason(error) } };
  }
}

/** reason is what is told of a refusal. The library says no by throwing, whatever the class of the error. */
export const reason = (error) => String(error?.message || error || 'failed');

/** wire turns the dialect's body into the library's: there rawId is optional and the extension results have another name. */
function wire(body) {
  return {
    ...body,
    rawId: body.rawId ?? body.id,
    clientExtensionResults: body.clientExtensionResults ?? body.getClientExtensionResults ?? {},
  };
}

function text(value, name) {
  if (typeof value !== 'string' || value === '') throw new Refusal(`${name} must be a string that is not empty`);
  return value;
}

export async function json(req) {
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

export function main(face) {
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
  const server = newPeer(config, face);
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
