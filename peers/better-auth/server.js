// better-auth with its passkey plugin, as its documentation sets it up: nothing
// here speaks WebAuthn, and nothing stands between the library and the wire. What
// is added is what every installation has to say: where it is, a secret, a store.
import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { passkey } from '@better-auth/passkey';
import { betterAuth } from 'better-auth';
import { memoryAdapter } from 'better-auth/adapters/memory';
import { toNodeHandler } from 'better-auth/node';
import { ofHost, run } from '../command.mjs';

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

run(import.meta.url, newPeer, ofHost);
