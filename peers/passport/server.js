// Passport with passport-fido2-webauthn on Express, as the README of the strategy sets
// it up: two functions around a database, the routes, and a page that has the CSRF
// token. Nothing here speaks WebAuthn.
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import base64url from 'base64url';
import csurf from 'csurf';
import express from 'express';
import session from 'express-session';
import { Passport } from 'passport';
import WebAuthnStrategy from 'passport-fido2-webauthn';
import { ofHost, run } from '../command.mjs';

const { SessionChallengeStore } = WebAuthnStrategy;

/** newPeer is the site at this origin; the strategy's RP ID is the origin's host, which it reads off the request. */
export function newPeer({ origin }) {
  const db = database();
  const store = new SessionChallengeStore();
  const passport = new Passport();
  passport.use(new WebAuthnStrategy({ store }, verify(db), register(db)));
  passport.serializeUser((user, cb) => cb(null, { id: user.id, username: user.username, name: user.name }));
  passport.deserializeUser((user, cb) => cb(null, user));

  const app = express();
  // It stands behind a proxy, which has the certificate and says what it was asked.
  app.set('trust proxy', 1);
  app.use(express.json(), express.urlencoded({ extended: false }));
  app.use(session({ secret: randomBytes(32).toString('hex'), resave: false, saveUninitialized: false }));
  app.use(csurf());
  app.use(passport.authenticate('session'));

  app.get('/', (req, res) => {
    res.send(req.user ? '<form action="/logout" method="post"></form>' : '<a href="/login">Sign in</a>');
  });
  app.get(['/login', '/signup'], (req, res) => {
    res.send(`<meta name="csrf-token" content="${req.csrfToken()}">`);
  });
  app.post('/login/public-key/challenge', (req, res, next) => {
    store.challenge(req, (err, challenge) => {
      if (err) return next(err);
      res.json({ challenge: base64url.encode(challenge) });
    });
  });
  app.post('/signup/public-key/challenge', (req, res, next) => {
    const user = { id: randomBytes(16), name: req.body.username, displayName: req.body.name };
    store.challenge(req, { user }, (err, challenge) => {
      if (err) return next(err);
      res.json({ user: { ...user, id: base64url.encode(user.id) }, challenge: base64url.encode(challenge) });
    });
  });
  app.post(
    '/login/public-key',
    passport.authenticate('webauthn', { failWithError: true }),
    (req, res) => res.json({ ok: true }),
    (err, req, res, next) => res.json({ ok: false }),
  );
  app.post('/logout', (req, res, next) => req.logout((err) => (err ? next(err) : res.redirect('/'))));
  // Refusals are what this server is for; it need not print each.
  app.set('env', 'test');

  const { protocol, host } = new URL(origin);
  return createServer((req, res) => {
    Object.assign(req.headers, { 'x-forwarded-proto': protocol.slice(0, -1), 'x-forwarded-host': host });
    surviving(req, () => app(req, res));
  });
}

/** database answers later, as databases do; handles, names and credential ids are unique. */
function database() {
  const users = [], credentials = new Map();
  const answer = (cb, work) =>
    setImmediate(() => {
      let row;
      try {
        row = work();
      } catch (error) {
        return cb(error);
      }
      return cb(null, row);
    });
  return {
    credential: (id, cb) => answer(cb, () => credentials.get(id)),
    user: (id, cb) => answer(cb, () => users[id - 1]),
    addUser: (row, cb) =>
      answer(cb, () => {
        if (users.some((u) => u.username === row.username || u.handle.equals(row.handle))) throw new Error('the user is there already');
        users.push({ ...row, id: users.length + 1 });
        return users.at(-1);
      }),
    addCredential: (id, row, cb) =>
      answer(cb, () => {
        if (credentials.has(id)) throw new Error('the credential is there already');
        credentials.set(id, row);
      }),
  };
}

const verify = (db) => (id, userHandle, cb) => {
  db.credential(id, (err, credential) => {
    if (err) return cb(err);
    if (!credential) return cb(null, false, { message: 'Invalid key.' });
    db.user(credential.userId, (err, user) => {
      if (err) return cb(err);
      if (Buffer.compare(user.handle, userHandle) !== 0) return cb(null, false, { message: 'Invalid key.' });
      return cb(null, user, credential.publicKey);
    });
  });
};

const register = (db) => (user, id, publicKey, cb) => {
  db.addUser({ username: user.name, name: user.displayName, handle: user.id }, (err, added) => {
    if (err) return cb(err);
    db.addCredential(id, { userId: added.id, publicKey }, (err) => (err ? cb(err) : cb(null, added)));
  });
};

const requests = new AsyncLocalStorage();
let watching = false;

/**
 * surviving handles a request. The strategy works in callbacks, of process.nextTick and
 * of the database, where nobody catches what it throws: such an exception ends Node. What the client
 * sees of that is a connection that breaks; the rest of the suite needs the process,
 * so here only the connection goes.
 */
function surviving(req, handle) {
  if (!watching) {
    watching = true;
    process.on('uncaughtException', (error) => {
      const broken = requests.getStore();
      if (broken) return broken.socket.destroy();
      console.error(error);
      process.exit(1);
    });
  }
  requests.run(req, handle);
}

run(import.meta.url, newPeer, ofHost);
