// A front end as Dfns describes it, on the vendor's own packages, for both
// generations of them: a key of the page bootstraps the user and signs for the
// passkey, which then logs in and signs by itself.
import {DfnsApiClient, DfnsAuthenticator} from '@dfns/sdk';
import {BrowserKeySigner, WebAuthnSigner} from '@dfns/sdk-browser';

globalThis.run = async ({baseUrl, username, appId}) => {
  const orgId = 'or-touch-stone-0000000000000000';
  const keyPair = await crypto.subtle.generateKey({name: 'ECDSA', namedCurve: 'P-256'}, true, ['sign', 'verify']);
  const key = new BrowserKeySigner({keyPair});
  const passkey = new WebAuthnSigner({relyingParty: {id: 'localhost', name: 'Touchstone'}});
  const base = {baseUrl, appId};
  const out = {};

  const user = await new DfnsAuthenticator({...base, signer: key}).register({orgId, username, registrationCode: 'code'});
  out.registered = user.user.username;
  const {token} = await new DfnsAuthenticator({...base, signer: key}).login({orgId, username});

  // A passkey, under a user action that the key signs.
  const byKey = new DfnsApiClient({...base, authToken: token, signer: key});
  const challenge = await byKey.auth.createCredentialChallenge({body: {kind: 'Fido2'}});
  const made = await passkey.create(challenge);
  const credential = await byKey.auth.createCredential({
    body: {challengeIdentifier: challenge.challengeIdentifier, credentialName: 'passkey', ...made},
  });
  out.credential = {kind: credential.kind, isActive: credential.isActive, origin: credential.origin};

  // The passkey's client data have the challenge's text, encoded once more.
  const clientData = JSON.parse(atob(made.credentialInfo.clientData.replaceAll('-', '+').replaceAll('_', '/')));
  out.challengeIsText = atob(clientData.challenge.replaceAll('-', '+').replaceAll('_', '/')) === challenge.challenge;

  // The same authenticator is excluded.
  const again = await byKey.auth.createCredentialChallenge({body: {kind: 'Fido2'}});
  out.again = await passkey.create(again).then(() => 'created', (e) => e.name);

  // The passkey logs in, with a username and without one.
  const login = await new DfnsAuthenticator({...base, signer: passkey}).login({orgId, username});
  const usernameless = await new DfnsAuthenticator({...base, signer: passkey}).login({orgId});
  out.logins = [login.token, usernameless.token].map((t) => typeof t);

  // It signs for a user action of its own, and lists what there is.
  const byPasskey = new DfnsApiClient({...base, authToken: login.token, signer: passkey});
  const code = await byPasskey.auth.createCredentialCode({body: {expiration: new Date(Date.now() + 30000).toISOString()}});
  out.code = typeof code.code;
  const list = await byPasskey.auth.listCredentials();
  out.kinds = list.items.map((c) => c.kind);
  await byPasskey.auth.deactivateCredential({body: {credentialUuid: list.items[0].credentialUuid}});

  // What goes wrong comes as DfnsError with the server's words.
  out.refused = await new DfnsApiClient({...base, authToken: 'nobody'}).auth.listCredentials()
    .then(() => 'listed', (e) => ({name: e.constructor.name, status: e.httpStatus, message: e.message}));
  return out;
};
