// The suite drives the ceremonies; these tests hold what the server does around
// the library.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { newPeer } from './server.js';

let base;
let server;
before(async () => {
  server = newPeer({ rpId: 'rp.example', origin: 'https://rp.example' });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  base = `http://127.0.0.1:${server.address().port}`;
});
after(() => server.close());

class Browser {
  async post(path, body) {
    const answer = await fetch(base + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(this.cookie && { cookie: this.cookie }) },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    this.cookie ??= answer.headers.get('set-cookie')?.split(';')[0];
    return { code: answer.status, ...(await answer.json()) };
  }
}

test('options are flat and carry what was asked for', async () => {
  const answer = await new Browser().post('/attestation/options', {
    username: 'alice',
    displayName: 'Alice',
    attestation: 'direct',
    authenticatorSelection: { userVerification: 'required', residentKey: 'required' },
  });
  assert.equal(answer.code, 200);
  assert.equal(answer.status, 'ok');
  assert.match(answer.challenge, /^[\w-]{43,}$/);
  assert.equal(answer.attestation, 'direct');
  assert.deepEqual(answer.authenticatorSelection, { requireResidentKey: true, userVerification: 'required' });
  assert.equal(Buffer.from(answer.user.id, 'base64url').length, 32);
});

for (const [path, body, want] of [
  ['/attestation/options', '{', /not JSON/],
  ['/attestation/options', 'null', /not a JSON object/],
  ['/attestation/options', {}, /username/],
  ['/attestation/result', {}, /no registration is under way/],
  ['/assertion/options', { username: 'nobody' }, /unknown user/],
  ['/assertion/result', {}, /no authentication is under way/],
  ['/nowhere', {}, /nothing at/],
]) {
  test(`${path} refuses ${JSON.stringify(body)}`, async () => {
    const answer = await new Browser().post(path, body);
    assert.ok(answer.code >= 400);
    assert.equal(answer.status, 'failed');
    assert.match(answer.errorMessage, want);
  });
}

test('a challenge is good for one try', async () => {
  const browser = new Browser();
  await browser.post('/attestation/options', { username: 'bob', displayName: 'Bob' });
  assert.equal((await browser.post('/attestation/result', { id: 'AA', response: {} })).code, 400);
  assert.match((await browser.post('/attestation/result', { id: 'AA', response: {} })).errorMessage, /no registration is under way/);
});
