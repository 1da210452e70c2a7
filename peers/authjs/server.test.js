// That Auth.js is up and set up as intended.
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

/** A page of Auth.js: forms with its CSRF token, and answers that say where to go. */
class Page extends Browser {
  async form(path, fields) {
    const { csrfToken } = (await this.get('/auth/csrf')).body;
    return this.fetch('POST', path, { form: { csrfToken, callbackUrl: origin, ...fields }, headers: { 'x-auth-return-redirect': '1' } });
  }

  callback(action, credential) {
    return this.form('/auth/callback/passkey', { action, data: JSON.stringify(credential) });
  }

  async options(action, email) {
    const { status, body } = await this.get(`/auth/webauthn-options/passkey?${new URLSearchParams({ action, ...(email && { email }) })}`);
    assert.equal(status, 200, JSON.stringify(body));
    assert.equal(body.action, action);
    return body.options;
  }

  async user() {
    return (await this.get('/auth/session')).body?.user?.email;
  }
}

let names = 0;

// One valid login in 128 is refused by SimpleWebAuthn 9; three do not fail for that.
async function logIn(page, key, options) {
  for (let i = 0; i < 3; i++) {
    const { body } = await page.callback('authenticate', key.get(await options()));
    if (body.url === origin) return;
  }
  assert.fail('three valid logins were refused');
}

test('a passkey makes an account and logs in to it', async () => {
  const email = `user-${++names}@users.example`;
  const page = new Page(base, origin);
  const key = new Key(rpId, origin);
  const options = await page.options('register', email);
  assert.equal(options.rp.id, rpId);
  assert.equal(options.authenticatorSelection.userVerification, 'required');
  assert.deepEqual((await page.callback('register', key.create(options))).body, { url: origin });
  assert.equal(await page.user(), email);
  await page.form('/auth/signout', {});
  assert.equal(await page.user(), undefined);
  assert.equal((await page.options('authenticate', email)).allowCredentials.length, 1);
  await logIn(page, key, () => page.options('authenticate'));
  assert.equal(await page.user(), email);
  assert.equal((await page.options('register')).excludeCredentials.length, 1);
});

test('another page and a credential id that is taken are refused', async () => {
  const page = new Page(base, origin);
  const key = new Key(rpId, origin);
  const made = key.create(await page.options('register', `user-${++names}@users.example`), { origin: 'https://evil.example' });
  assert.match((await page.callback('register', made)).body.url, /error=WebAuthnVerificationError/);
  assert.equal(await page.user(), undefined);
  assert.deepEqual((await page.callback('register', key.create(await page.options('register', `user-${++names}@users.example`)))).body, { url: origin });
  const thief = new Page(base, origin);
  assert.match((await thief.callback('register', key.create(await thief.options('register', `user-${++names}@users.example`)))).body.url, /error=/);
  assert.equal(await thief.user(), undefined);
});

test('the program prints its URL and stops on SIGTERM', { timeout: 20000 }, async () => {
  const child = spawn(process.execPath, ['server.js', '--port', '0', '--rp-id', rpId, '--origin', origin], { cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  try {
    const [line] = await once(createInterface({ input: child.stdout }), 'line');
    assert.match(line, /^ready http:\/\/127\.0\.0\.1:\d+$/);
    const answer = await fetch(`${line.slice('ready '.length)}/auth/webauthn-options/passkey?action=authenticate`);
    assert.equal((await answer.json()).options.rpId, rpId);
  } finally {
    child.kill('SIGTERM');
  }
  assert.deepEqual(await exit, [0, null]);
});
