// Auth.js (@auth/core) with its passkey provider, as its documentation sets it up.
// Nothing here speaks WebAuthn. Auth.js takes and returns the Request and Response
// of the web platform and wants a database of its user's, so this turns Node's
// requests into such, as its integrations for frameworks do, and has the adapter.
import { randomBytes, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { Auth } from '@auth/core';
import Passkey from '@auth/core/providers/passkey';
import { ofHost, run } from '../command.mjs';

const BODY_LIMIT = 1 << 20;

/** newPeer is Auth.js at /auth for pages of this origin; its RP ID is the origin's host, which is its own default. */
export function newPeer({ origin }) {
  const config = {
    adapter: memoryAdapter(),
    basePath: '/auth',
    experimental: { enableWebAuthn: true },
    providers: [Passkey],
    secret: randomBytes(32).toString('hex'),
    trustHost: true,
    // Refusals are what this server is for; it need not print each.
    logger: { error() {}, warn() {}, debug() {} },
  };
  return createServer(async (req, res) => {
    try {
      const answer = await Auth(await webRequest(req, origin), config);
      answer.headers.forEach((value, name) => {
        if (name !== 'set-cookie') res.setHeader(name, value);
      });
      res.setHeader('set-cookie', answer.headers.getSetCookie());
      res.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer()));
    } catch (error) {
      if (!res.headersSent) res.writeHead(500, { 'content-type': 'text/plain' });
      res.end(String(error));
    }
  });
}

/** webRequest is the request as it was before the proxy that a server with a public origin has in front of it. */
async function webRequest(req, origin) {
  const chunks = [];
  let size = 0;
  for await (const chunk of req) {
    size += chunk.length;
    if (size > BODY_LIMIT) throw new Error('the body is too large');
    chunks.push(chunk);
  }
  const headers = new Headers();
  for (let i = 0; i < req.rawHeaders.length; i += 2) headers.append(req.rawHeaders[i], req.rawHeaders[i + 1]);
  const body = ['GET', 'HEAD'].includes(req.method) ? undefined : Buffer.concat(chunks);
  return new Request(new URL(req.url, origin), { method: req.method, headers, body });
}

/** memoryAdapter is a database adapter of Auth.js: https://authjs.dev/guides/creating-a-database-adapter. Ids of rows, accounts and credentials are unique, as in its documented schema. */
function memoryAdapter() {
  const users = new Map(), sessions = new Map(), accounts = new Map(), authenticators = new Map();
  const found = (row) => (row ? { ...row } : null);
  const create = (table, key, row) => {
    if (table.has(key)) throw new Error(`${key} is there already`);
    table.set(key, { ...row });
    return { ...row };
  };
  const update = (table, key, change) => {
    if (!table.has(key)) throw new Error(`${key} is not there`);
    table.set(key, { ...table.get(key), ...change });
    return found(table.get(key));
  };
  const accountKey = ({ provider, providerAccountId }) => JSON.stringify([provider, providerAccountId]);
  const byEmail = (email) => [...users.values()].find((user) => user.email === email);
  return {
    async createUser(user) {
      if (byEmail(user.email)) throw new Error('the e-mail address is taken');
      const id = randomUUID();
      return create(users, id, { ...user, id });
    },
    getUser: async (id) => found(users.get(id)),
    getUserByEmail: async (email) => found(byEmail(email)),
    getUserByAccount: async (account) => found(users.get(accounts.get(accountKey(account))?.userId)),
    updateUser: async (user) => update(users, user.id, user),
    linkAccount: async (account) => create(accounts, accountKey(account), account),
    getAccount: async (providerAccountId, provider) => found(accounts.get(accountKey({ provider, providerAccountId }))),
    createSession: async (session) => create(sessions, session.sessionToken, session),
    async getSessionAndUser(token) {
      const session = sessions.get(token);
      return session ? { session: { ...session }, user: found(users.get(session.userId)) } : null;
    },
    updateSession: async (session) => update(sessions, session.sessionToken, session),
    async deleteSession(token) {
      sessions.delete(token);
    },
    createAuthenticator: async (authenticator) => create(authenticators, authenticator.credentialID, authenticator),
    getAuthenticator: async (id) => found(authenticators.get(id)),
    listAuthenticatorsByUserId: async (userId) => [...authenticators.values()].filter((a) => a.userId === userId).map(found),
    updateAuthenticatorCounter: async (id, counter) => update(authenticators, id, { counter }),
  };
}

run(import.meta.url, newPeer, ofHost);
