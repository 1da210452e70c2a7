// A Relying Party on @simplewebauthn/server for touchstone run --adapter: requests
// come on standard input, answers go to standard output, a line of JSON each. See
// docs/adapter.md. The library is that of the working directory.
import { createHmac, randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const here = createRequire(pathToFileURL(`${process.cwd()}/`));
const library = await import(pathToFileURL(here.resolve('@simplewebauthn/server')));

const rp = {};
const users = new Map(); // name -> {id, credentials: Map of credential id -> record}
const owners = new Map(); // credential id -> user
const pending = new Map(); // session -> what is under way
const secret = randomBytes(32);

const descriptors = (user) => [...(user?.credentials.values() ?? [])].map(({ id, transports }) => ({ id, transports }));

// What a user has that there is not: else the answer tells who has an account.
const imaginary = (name) => ({ id: createHmac('sha256', secret).update(name).digest('base64url'), transports: ['usb'] });

// A challenge is good for one try.
function begun(session, operation) {
  const found = pending.get(session);
  pending.delete(session);
  if (found?.operation !== operation) throw new Error(`no ${operation} is under way in this session`);
  return found;
}

const checked = ({ challenge, uv }, body) => ({
  response: { ...body, rawId: body.rawId ?? body.id, clientExtensionResults: body.getClientExtensionResults ?? {} },
  expectedChallenge: challenge,
  expectedOrigin: rp.origin,
  expectedRPID: rp.rpId,
  requireUserVerification: uv === 'required',
});

const operations = {
  async hello({ rpId, origin }) {
    Object.assign(rp, { rpId, origin });
    return { protocol: 1 };
  },

  async 'registration.options'({ session }, body) {
    const user = users.get(body.username) ?? { id: randomBytes(32), credentials: new Map() };
    users.set(body.username, user);
    const options = await library.generateRegistrationOptions({
      rpName: 'Example',
      rpID: rp.rpId,
      userName: body.username,
      userDisplayName: body.displayName,
      userID: user.id,
      attestationType: body.attestation,
      excludeCredentials: descriptors(user),
      authenticatorSelection: body.authenticatorSelection,
      extensions: body.extensions,
    });
    pending.set(session, { operation: 'registration', user, challenge: options.challenge, uv: options.authenticatorSelection.userVerification });
    return { body: options };
  },

  async 'registration.result'({ session }, body) {
    const state = begun(session, 'registration');
    const { verified, registrationInfo: info } = await library.verifyRegistrationResponse(checked(state, body));
    if (!verified) throw new Error('not verified');
    if (owners.has(info.credential.id)) throw new Error('the credential is already registered');
    owners.set(info.credential.id, state.user);
    state.user.credentials.set(info.credential.id, { ...info.credential, deviceType: info.credentialDeviceType });
    return {};
  },

  async 'authentication.options'({ session }, body) {
    const user = users.get(body.username);
    const listed = descriptors(user);
    const options = await library.generateAuthenticationOptions({
      rpID: rp.rpId,
      allowCredentials: listed.length ? listed : [imaginary(body.username)],
      userVerification: body.userVerification,
      extensions: body.extensions,
    });
    pending.set(session, { operation: 'authentication', user, challenge: options.challenge, uv: options.userVerification });
    return { body: options };
  },

  async 'authentication.result'({ session }, body) {
    const state = begun(session, 'authentication');
    const record = state.user?.credentials.get(body.id);
    if (!record) throw new Error('the credential is not one of this user');
    const handle = body.response?.userHandle;
    if (handle && handle !== state.user.id.toString('base64url')) throw new Error('the user handle is not that of the user');
    const { verified, authenticationInfo: info } = await library.verifyAuthenticationResponse({ ...checked(state, body), credential: record });
    if (!verified) throw new Error('not verified');
    if (info.credentialDeviceType !== record.deviceType) throw new Error('the backup eligibility changed');
    record.counter = info.newCounter;
    return {};
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  let answer;
  try {
    if (request.op !== 'hello' && request.body === undefined) throw new Error('the body is not UTF-8');
    const body = request.op === 'hello' ? {} : JSON.parse(request.body);
    answer = { id: request.id, ok: true, ...(await operations[request.op](request, body)) };
  } catch (error) {
    answer = { id: request.id, ok: false, error: String(error?.message || error || 'failed') };
  }
  console.log(JSON.stringify(answer));
}
