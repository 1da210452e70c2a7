// That better-auth is up, set up as intended, and calls nobody.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
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

let names = 0;

async function account() {
  const browser = new Browser(base, origin);
  const email = `user-${++names}@users.example`;
  const { status, body } = await browser.post('/api/auth/sign-up/email', { name: 'A', email, password: 'Password-1!' });
  assert.equal(status, 200, JSON.stringify(body));
  const options = await browser.get('/api/auth/passkey/generate-register-options');
  assert.equal(options.status, 200, JSON.stringify(options.body));
  return { browser, email, key: new Key(rpId, origin), options: options.body };
}

test('a passkey is registered and signs in', async () => {
  const { browser, email, key, options } = await account();
  assert.equal(options.rp.id, rpId);
  assert.equal(options.attestation, 'none');
  const registered = await browser.post('/api/auth/passkey/verify-registration', { response: key.create(options) });
  assert.equal(registered.status, 200, JSON.stringify(registered.body));
  const other = new Browser(base, origin);
  const request = await other.get('/api/auth/passkey/generate-authenticate-options');
  assert.equal(request.body.allowCredentials, undefined);
  const login = await other.post('/api/auth/passkey/verify-authentication', { response: key.get(request.body) });
  assert.equal(login.status, 200, JSON.stringify(login.body));
  assert.equal((await other.get('/api/auth/get-session')).body.user.email, email);
});

test('another page is refused', async () => {
  const { browser, key, options } = await account();
  const refused = await browser.post('/api/auth/passkey/verify-registration', { response: key.create(options, { origin: 'https://evil.example' }) });
  assert.equal(refused.status, 500);
  assert.equal(refused.body.code, 'FAILED_TO_VERIFY_REGISTRATION');
  browser.origin = 'https://evil.example';
  const stopped = await browser.post('/api/auth/passkey/verify-registration', { response: key.create(options) });
  assert.equal(stopped.body.code, 'INVALID_ORIGIN');
});

test('a password still has to be the right one', async () => {
  const { email } = await account();
  const browser = new Browser(base, origin);
  assert.equal((await browser.post('/api/auth/sign-in/email', { email, password: 'Password-2!' })).status, 401);
  assert.equal((await browser.post('/api/auth/sign-in/email', { email, password: 'Password-1!' })).status, 200);
});

test('the program prints its URL, sends no telemetry and stops on SIGTERM', { timeout: 20000 }, async () => {
  let calls = 0;
  const collector = createServer((_, res) => {
    calls++;
    res.end();
  });
  collector.listen(0, '127.0.0.1');
  await once(collector, 'listening');
  const child = spawn(process.execPath, ['server.js', '--port', '0', '--rp-id', rpId, '--origin', origin], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, BETTER_AUTH_TELEMETRY: '1', BETTER_AUTH_TELEMETRY_ENDPOINT: `http://127.0.0.1:${collector.address().port}` },
  });
  const exit = once(child, 'exit');
  try {
    const [line] = await once(createInterface({ input: child.stdout }), 'line');
    assert.match(line, /^ready http:\/\/127\.0\.0\.1:\d+$/);
    const answer = await fetch(`${line.slice('ready '.length)}/api/auth/passkey/generate-authenticate-options`);
    assert.equal((await answer.json()).rpId, rpId);
    await new Promise((done) => setTimeout(done, 300));
    assert.equal(calls, 0);
  } finally {
    child.kill('SIGTERM');
    collector.close();
  }
  assert.deepEqual(await exit, [0, null]);
});
