// A Relying Party on @simplewebauthn/server that speaks the FIDO server API, for
// Touchstone to test. The library verifies; this file keeps what a library cannot
// keep (accounts, sessions, credentials) and compares what only it can compare.
// README.md lists which of the two does what.
import { randomBytes } from 'node:crypto';
import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server';
import { run } from '../command.mjs';
import { Refusal, serve, text } from '../face.mjs';

/**
 * newPeer returns a node:http server that is not listening yet. Everything lives in
 * memory and dies with it. config.origin may still change until the first request.
 * The face is how it speaks to the outside, see serve; without one, the FIDO server API.
 */
export function newPeer(config, face) {
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

  return serve(routes, face);
}

/** wire turns the dialect's body into the library's: there rawId is optional and the extension results have another name. */
function wire(body) {
  return {
    ...body,
    rawId: body.rawId ?? body.id,
    clientExtensionResults: body.clientExtensionResults ?? body.getClientExtensionResults ?? {},
  };
}

run(import.meta.url, newPeer);
