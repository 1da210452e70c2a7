// The same Relying Party in the form of the library's own example: options by GET and
// bare, answers that say verified. That example keeps its session in a cookie; here
// it is in the caller's hand, as where an application and its backend share no
// cookies: an identifier and a CSRF token come with the options, in header fields,
// and go back with the result.
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { run } from '../command.mjs';
import { Refusal, json, reason } from '../face.mjs';
import { newPeer } from './server.js';

const options = {
  '/generate-registration-options': '/attestation/options',
  '/generate-authentication-options': '/assertion/options',
};
const results = {
  '/verify-registration': '/attestation/result',
  '/verify-authentication': '/assertion/result',
};

const word = () => randomBytes(24).toString('base64url');
const same = (a, b) => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));

/** example returns a face, see newPeer. */
export function example() {
  const tokens = new Map(); // session identifier -> CSRF token
  return async (req, routes) => {
    const { pathname, searchParams } = new URL(req.url, 'http://peer.invalid');
    try {
      if (Object.hasOwn(options, pathname)) {
        if (req.method !== 'GET') throw new Refusal(`${pathname} takes GET`, 405);
        const username = searchParams.get('username') ?? undefined;
        const session = word();
        tokens.set(session, word());
        const body = await routes[options[pathname]]({ username }, session);
        return { status: 200, headers: { 'x-session-id': session, 'x-csrf-token': tokens.get(session) }, body };
      }
      if (!Object.hasOwn(results, pathname)) throw new Refusal(`nothing at ${pathname}`, 404);
      if (req.method !== 'POST') throw new Refusal(`${pathname} takes POST`, 405);
      const session = req.headers['x-session-id'] ?? '';
      if (!same(req.headers['x-csrf-token'] ?? '', tokens.get(session) ?? 'none')) {
        throw new Refusal('the CSRF token is not that of the session', 403);
      }
      await routes[results[pathname]](await json(req), session);
      return { status: 200, headers: {}, body: { verified: true } };
    } catch (error) {
      return { status: error?.status ?? 400, headers: {}, body: { error: reason(error) } };
    }
  };
}

run(import.meta.url, (config) => newPeer(config, example()));
