// A Relying Party on fido2-lib that speaks the FIDO server API, for
// Touchstone to test. The library verifies; this file keeps what a library cannot
// keep (accounts, sessions, credentials) and compares what only it can compare.
// README.md lists which of the two does what.
import { randomBytes } from 'node:crypto';
import { Fido2Lib } from 'fido2-lib';
import { run } from '../command.mjs';
import { Refusal, serve, text } from '../face.mjs';

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

  return serve(routes);
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

run(import.meta.url, newPeer);
