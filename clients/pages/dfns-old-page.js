// The vendor's client against the form of the older documentation page.
import {DfnsAuthenticator} from '@dfns/sdk';
import {WebAuthnSigner} from '@dfns/sdk-browser';

globalThis.run = async ({baseUrl, username}) => {
  const passkey = new WebAuthnSigner({relyingParty: {id: 'localhost', name: 'Touchstone'}});
  const orgId = 'or-touch-stone-0000000000000000';
  return new DfnsAuthenticator({baseUrl, signer: passkey}).register({orgId, username, registrationCode: 'code'})
    .then(() => ({error: ''}), (e) => ({error: String(e)}));
};
