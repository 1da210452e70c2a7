// The command line that the peers in Node have in common: where to listen, and as
// which Relying Party. `ready URL` is printed when the server can be asked, and a
// signal ends it.
import { basename } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

/**
 * run starts the server that make returns for {rpId, origin}, if the module is the
 * program. Without a default origin it is the address that the server listens at,
 * which is known only then: it may still change until the first request. check
 * throws what is wrong with the two.
 */
export function run(module, make, { rpId = 'localhost', origin, host = 'localhost', check = () => {} } = {}) {
  if (!process.argv[1] || module !== pathToFileURL(process.argv[1]).href) return;
  const fail = (error) => {
    console.error(`${basename(process.argv[1])}: ${error.message}`);
    process.exit(2);
  };
  let port;
  let config;
  try {
    const { values } = parseArgs({
      options: {
        port: { type: 'string', default: '0' },
        'rp-id': { type: 'string', default: rpId },
        origin: { type: 'string', default: origin },
      },
    });
    if (!/^\d{1,5}$/.test(values.port)) throw new Error(`--port ${values.port} is not a port number`);
    port = Number(values.port);
    config = { rpId: values['rp-id'], origin: values.origin };
    check(config);
  } catch (error) {
    fail(error);
  }
  const server = make(config);
  server.on('error', fail);
  server.listen(port, '127.0.0.1', () => {
    const url = `http://${host}:${server.address().port}`;
    config.origin ??= url;
    console.log(`ready ${url}`);
  });
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => {
      server.close();
      server.closeAllConnections();
    });
  }
}

/** ofHost are run's options for software that takes the RP ID from the origin. */
export const ofHost = {
  rpId: 'rp.example',
  origin: 'https://rp.example',
  host: '127.0.0.1',
  check({ rpId, origin }) {
    if (new URL(origin).hostname !== rpId) throw new Error(`--rp-id ${rpId} is not the host of --origin, which is the RP ID here`);
  },
};
