// That the site is up and set up as intended.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { Browser, Key, listen } from '../authenticator.mjs';
import { newPeer } from './server.js';

const rpId = 'rp.example';
const origin = 'https://rp.example';
let base;
let server;

before(async () => {
  server = newPeer({ origin });
  base = await listen(server);
});
after(() => server.close());

/** The site's page: it has the CSRF token, and makes the options itself. */
class Page extends Browser {
  async send(path, json) {
    const { body } = await this.get('/login');
    const [, token] = /name="csrf-token" content="([^"]+)"/.exec(body);
    return this.post(path, json, { headers: { 'csrf-token': token } });
  }

  challenge(kind, json) {
    return this.send(`/${kind}/public-key/challenge`, json);
  }

  async result(credential) {
    const { status, body } = await this.send('/login/public-key', credential);
    return [status, body];
  }

  async signedIn() {
    return (await this.get('/')).body.includes('/logout');
  }
}

let names = 0;

test('signing up makes an account with a passkey, which logs in', async () => {
  const page = new Page(base, origin);
  const key = new Key(rpId, origin);
  const username = `user-${++names}`;
  const { body: options } = await page.challenge('signup', { username, name: 'A user' });
  assert.equal(options.user.name, username);
  assert.equal(await page.signedIn(), false);
  assert.deepEqual(await page.result(key.create(options)), [200, { ok: true }]);
  assert.equal(await page.signedIn(), true);
  await page.send('/logout');
  assert.equal(await page.signedIn(), false);
  const login = async (userHandle, more) => page.result(key.get((await page.challenge('login')).body, { userHandle, ...more }));
  assert.deepEqual(await login(options.user.id, { origin: 'https://evil.example' }), [403, { ok: false }]);
  assert.deepEqual(await login('AAAA'), [401, { ok: false }]);
  assert.equal(await page.signedIn(), false);
  assert.deepEqual(await login(options.user.id), [200, { ok: true }]);
  assert.equal(await page.signedIn(), true);
});

test('a name and a credential id that are taken, another page and a form without its token are refused', async () => {
  const page = new Page(base, origin);
  const key = new Key(rpId, origin);
  const username = `user-${++names}`;
  const signUp = async (username, key, more) => page.result(key.create((await page.challenge('signup', { username, name: '' })).body, more));
  assert.deepEqual(await signUp(username, key, { origin: 'https://evil.example' }), [403, { ok: false }]);
  assert.deepEqual(await signUp(username, key), [200, { ok: true }]);
  await page.send('/logout');
  assert.deepEqual(await signUp(username, new Key(rpId, origin)), [200, { ok: false }]);
  assert.deepEqual(await signUp(`user-${++names}`, key), [200, { ok: false }]);
  assert.equal(await page.signedIn(), false);
  assert.equal((await page.post('/login/public-key/challenge', {})).status, 403);
});

test('the program prints its URL, outlives what would end it, and stops on SIGTERM', { timeout: 20000 }, async () => {
  const child = spawn(process.execPath, ['server.js', '--port', '0', '--rp-id', rpId, '--origin', origin], { cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  try {
    const [line] = await once(createInterface({ input: child.stdout }), 'line');
    assert.match(line, /^ready http:\/\/127\.0\.0\.1:\d+$/);
    const page = new Page(line.slice('ready '.length), origin);
    const made = new Key(rpId, origin).create((await page.challenge('signup', { username: 'user', name: '' })).body);
    delete made.response.attestationObject;
    await assert.rejects(page.result(made), { message: 'fetch failed' });
    assert.equal((await page.challenge('login')).status, 200);
  } finally {
    child.kill('SIGTERM');
  }
  assert.deepEqual(await exit, [0, null]);
});
