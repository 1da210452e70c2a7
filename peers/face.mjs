// What peers show to the outside: the FIDO server API, or a face of their own over
// the same pieces. Whatever a peer's routes return or throw, here it becomes HTTP.
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';

const BODY_LIMIT = 1 << 20;

/** A failure that is the caller's: answered with its status and the dialect's failure form. */
export class Refusal extends Error {
  constructor(message, status = 400) {
    super(message);
    this.status = status;
  }
}

/**
 * serve returns a node:http server that is not listening yet. The face turns a
 * request into a call of one of the routes, and what comes of it into {status,
 * headers, body}; a route takes a body and the name of a session.
 */
export function serve(routes, face = fido) {
  return createServer(async (req, res) => {
    const { status, headers, body } = await face(req, routes);
    res
      .writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers })
      .end(JSON.stringify(body));
  });
}

/** fido is the FIDO server API: the session is a cookie, and a status is in every body. */
export async function fido(req, routes) {
  const headers = {};
  try {
    const { pathname } = new URL(req.url, 'http://peer.invalid');
    const route = Object.hasOwn(routes, pathname) ? routes[pathname] : undefined;
    if (!route) throw new Refusal(`nothing at ${pathname}`, 404);
    if (req.method !== 'POST') throw new Refusal(`${pathname} takes POST`, 405);
    const body = await json(req);
    let session = /(?:^|;\s*)peer-session=([\w-]+)/.exec(req.headers.cookie ?? '')?.[1];
    if (!session) {
      session = randomBytes(24).toString('base64url');
      headers['set-cookie'] = `peer-session=${session}; Path=/; HttpOnly; SameSite=Strict`;
    }
    const answer = await route(body, session);
    return { status: 200, headers, body: { status: 'ok', errorMessage: '', ...answer } };
  } catch (error) {
    return { status: error?.status ?? 400, headers, body: { status: 'failed', errorMessage: reason(error) } };
  }
}

/** reason is what is told of a refusal. The library says no by throwing, whatever the class of the error. */
export const reason = (error) => String(error?.message || error || 'failed');

export function text(value, name) {
  if (typeof value !== 'string' || value === '') throw new Refusal(`${name} must be a string that is not empty`);
  return value;
}

export async function json(req) {
  const chunks = [];
  let size = 0;
  for await (const chunk of req) {
    size += chunk.length;
    if (size > BODY_LIMIT) throw new Refusal('the body is too large', 413);
    chunks.push(chunk);
  }
  let body;
  try {
    body = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (error) {
    throw new Refusal(`the body is not JSON: ${error.message}`);
  }
  if (body === null || typeof body !== 'object' || Array.isArray(body)) throw new Refusal('the body is not a JSON object');
  return body;
}
