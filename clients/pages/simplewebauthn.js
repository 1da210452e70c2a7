// @simplewebauthn/browser as the front end of the FIDO server API and of
// nevisFIDO: what the server answers goes into the library as it is, and what
// the library makes goes back as it is.
import {startAuthentication, startRegistration} from '@simplewebauthn/browser';

const post = async (path, body) => {
  const res = await fetch(path, {
    method: 'POST',
    headers: {'Accept': 'application/json', 'Content-Type': 'application/json'},
    body: JSON.stringify(body),
  });
  return {status: res.status, ...await res.json()};
};

globalThis.run = async ({dialect, username}) => {
  const root = dialect === 'nevis' ? '/nevisfido/fido2' : '';
  const out = {};
  const creation = await post(root + '/attestation/options', {
    username, displayName: username, attestation: 'none',
    authenticatorSelection: {residentKey: 'required', requireResidentKey: true, userVerification: 'required'},
    extensions: {credProps: true},
  });
  const registration = await startRegistration({optionsJSON: creation});
  out.members = Object.keys(registration).sort();
  out.transports = registration.response.transports;
  const registered = await post(root + '/attestation/result', registration);
  out.registered = registered;

  const again = await post(root + '/attestation/options', {username, displayName: username, attestation: 'none'});
  out.again = await startRegistration({optionsJSON: again}).then(() => 'created', (e) => e.name);

  // nevisFIDO hands out both kinds of options at the one path.
  const loginPath = dialect === 'nevis' ? root + '/attestation/options' : '/assertion/options';
  const request = await post(loginPath, {username, userVerification: 'required'});
  const assertion = await startAuthentication({optionsJSON: request});
  out.loggedIn = await post(root + '/assertion/result', assertion);

  // The same assertion again is refused.
  out.replayed = await post(root + '/assertion/result', assertion);

  if (dialect === 'nevis') {
    out.state = await post(root + '/status', {fido2SessionId: request.fido2SessionId});
    const usernameless = await post(loginPath, {username: '', userVerification: 'required'});
    const named = await startAuthentication({optionsJSON: usernameless});
    out.usernameless = await post(root + '/assertion/result', named);
  }
  return out;
};
