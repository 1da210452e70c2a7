// better-auth with its passkey plugin, as its documentation sets it up: nothing
// here speaks WebAuthn, and nothing stands between the library and the wire. What
// is added is what every installation has to say: where it is, a secret, a store.
import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { pathToFileURL } from 'node:url';
import { passkey } from '@better-auth/passkey';
import { betterAuth } from 'better-auth';
import { memoryAdapter } from 'better-auth/adapters/memory';
import { toNodeHandler } from 'better-auth/node';

// Telemetry is off unless asked for; these would ask for it whatever the options say.
delete process.env.BETTER_AUTH_TELEMETRY;
delete process.env.BETTER_AUTH_TELEMETRY_ENDPOINT;

// Passwords only get the suite signed in, some hundred times; the default's hash
// would take longer than all that is tested here.
const digest = (password) => createHash('sha256').update(password).digest('hex');
const cheap = {
  hash: async (password) => digest(password),
  verify: async ({ hash, password }) => hash === digest(password),
};

// The library's own store in memory, without transactions, as a database adapter may
// be: for each sign-up it would copy and compare all there is.
const store = (options) => {
  const adapter = memoryAdapter({ user: [], session: [], account: [], verification: [], passkey: [] })(options);
  return { ...adapter, transaction: (work) => work(adapter) };
};

/** newPeer is better-auth for pages of this origin; its RP ID is the origin's host, which is its own default. */
export function newPeer({ origin }) {
  const auth = betterAuth({
    baseURL: origin,
    secret: randomBytes(32).toString('hex'),
    database: store,
    emailAndPassword: { enabled: true, password: cheap },
    plugins: [passkey()],
    telemetry: { enabled: false },
    // Refusals are what this server is for; it need not print each.
    logger: { disabled: true },
  });
  return createServer(toNodeHandler(auth));
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
        'rp-id': { type: 'string', default: 'rp.example' },
        origin: { type: 'string', default: 'https://rp.example' },
      },
    }));
    if (!/^\d{1,5}$/.test(values.port)) throw new Error(`--port ${values.port} is not a port number`);
    if (new URL(values.origin).hostname !== values['rp-id']) throw new Error(`--rp-id ${values['rp-id']} is not the host of --origin, which is the RP ID here`);
  } catch (error) {
    fail(error);
  }
  const server = newPeer({ origin: values.origin });
  server.on('error', fail);
  server.listen(Number(values.port), '127.0.0.1', () => console.log(`ready http://127.0.0.1:${server.address().port}`));
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => {
      server.close();
      server.closeAllConnections();
    });
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) main();
