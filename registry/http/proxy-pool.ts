import { isIP } from 'node:net';
import { type buildConnector, type Dispatcher, Pool } from 'undici';

type Connect = (options: buildConnector.Options, callback: buildConnector.Callback) => void;

/**
 * Connections to a proxy whose failures say that they are the proxy's. Without it, a certificate that is refused looks like one of the host
 * behind the proxy.
 */
export function proxyPool(origin: URL, { connect }: { readonly connect?: unknown }): Dispatcher {
  if (!isConnect(connect)) throw new TypeError('ProxyAgent gave no way to connect');
  return new Pool(origin.origin, {
    connect: (options: buildConnector.Options, callback: buildConnector.Callback) =>
      connect({ ...options, servername: nameOf(options) }, (...[error, socket]) => {
        if (error === null) callback(error, socket);
        else callback(new Error('Cannot connect to the proxy', { cause: error }), null);
      }),
  });
}

/** Addresses are no names to ask for. (RFC 6066, section 3) */
function nameOf({ servername }: buildConnector.Options): string {
  return servername === undefined || isIP(servername) !== 0 ? '' : servername;
}

function isConnect(value: unknown): value is Connect {
  return typeof value === 'function';
}
