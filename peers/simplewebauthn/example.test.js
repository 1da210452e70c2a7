// What the form of the library's example adds: identifier and CSRF token in the caller's hand.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Key, listen } from '../authenticator.mjs';
import { example } from './example.js';
import { newPeer } from './server.js';

const rpId = 'rp.example';
const origin = 'https://rp.example';
let base;
let server;

before(async () => {
  server = newPeer({ rpId, origin }, example());
  base = await listen(server);
});
after(() => server.close());

async function options(word, username) {
  const answer = await fetch(`${base}/generate-${word}-options?username=${username}`);
  const body = await answer.json();
  assert.equal(answer.status, 200, JSON.stringify(body));
  const header = (name) => answer.headers.get(name);
  return { body, hand: { 'x-session-id': header('x-session-id'), 'x-csrf-token': header('x-csrf-token') } };
}

async function verify(word, credential, hand) {
  const answer = await fetch(`${base}/verify-${word}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...hand },
    body: JSON.stringify(credential),
  });
  return { status: answer.status, body: await answer.json() };
}

test('a passkey is registered and signs in', async () => {
  const key = new Key(rpId, origin);
  const { body, hand } = await options('registration', 'ann');
  assert.deepEqual(await verify('registration', key.create(body), hand), { status: 200, body: { verified: true } });
  const login = await options('authentication', 'ann');
  assert.equal(login.body.allowCredentials.length, 1);
  assert.deepEqual(await verify('authentication', key.get(login.body), login.hand), { status: 200, body: { verified: true } });
});

test('without the token of the session nothing is verified', async () => {
  for (const [name, take] of [
    ['bob', ({ 'x-session-id': id }) => ({ 'x-session-id': id })],
    ['cid', ({ 'x-session-id': id }) => ({ 'x-session-id': id, 'x-csrf-token': 'none' })],
    ['dee', ({ 'x-csrf-token': token }) => ({ 'x-session-id': 'none', 'x-csrf-token': token })],
    ['eve', () => ({})],
  ]) {
    const { body, hand } = await options('registration', name);
    const credential = new Key(rpId, origin).create(body);
    assert.equal((await verify('registration', credential, take(hand))).status, 403, name);
    assert.equal((await verify('registration', credential, hand)).status, 200, name);
  }
});

test('a session serves one ceremony, with its own method', async () => {
  const { body, hand } = await options('registration', 'fay');
  const credential = new Key(rpId, origin).create(body);
  assert.equal((await verify('authentication', credential, hand)).status, 400);
  assert.match((await verify('registration', credential, hand)).body.error, /no registration is under way/);
  assert.equal((await fetch(`${base}/generate-registration-options`, { method: 'POST' })).status, 405);
  assert.equal((await fetch(`${base}/verify-registration`)).status, 405);
  assert.equal((await fetch(`${base}/elsewhere`)).status, 404);
});
