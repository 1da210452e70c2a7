// A machine with the vendor's key signer: a login and a user action signed by a
// PEM key. argv: the folder with the packages, the RP's URL, a user name.
import {createRequire} from 'node:module';
import crypto from 'node:crypto';
import path from 'node:path';

const [dir, baseUrl, username] = process.argv.slice(2);
const require = createRequire(path.resolve(dir, 'package.json'));
const {DfnsApiClient, DfnsAuthenticator} = require('@dfns/sdk');
const {AsymmetricKeySigner} = require('@dfns/sdk-keysigner');

const orgId = 'or-touch-stone-0000000000000000';
const {publicKey, privateKey} = crypto.generateKeyPairSync('ed25519');
const b64u = (v) => Buffer.from(v).toString('base64url');
const credId = b64u(crypto.randomBytes(32));

// The vendor's signer for machines signs in, and registers nothing: that is done here.
const signUp = {
  async create({challenge}) {
    const clientData = JSON.stringify({type: 'key.create', challenge});
    const pem = publicKey.export({type: 'spki', format: 'pem'});
    const clientDataHash = crypto.createHash('sha256').update(clientData).digest('hex');
    const signature = crypto.sign(undefined, Buffer.from(JSON.stringify({clientDataHash, publicKey: pem})), privateKey);
    return {
      credentialKind: 'Key',
      credentialInfo: {
        credId,
        clientData: b64u(clientData),
        attestationData: b64u(JSON.stringify({publicKey: pem, signature: signature.toString('hex')})),
      },
    };
  },
};
const signer = new AsymmetricKeySigner({credId, privateKey: privateKey.export({type: 'pkcs8', format: 'pem'})});
const base = {baseUrl, appId: 'ap-touch-stone-0000000000000000'};
await new DfnsAuthenticator({...base, signer: signUp}).register({orgId, username, registrationCode: 'code'});
const {token} = await new DfnsAuthenticator({...base, signer}).login({orgId, username});
const client = new DfnsApiClient({...base, authToken: token, signer});
const code = await client.auth.createCredentialCode({body: {expiration: new Date(Date.now() + 30000).toISOString()}});
const list = await client.auth.listCredentials();
console.log(JSON.stringify({token: typeof token, code: typeof code.code, kinds: list.items.map((c) => c.kind)}));
