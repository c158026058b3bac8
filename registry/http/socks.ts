import { SocksClient } from 'socks';
import { buildConnector } from 'undici';
import { decodedPart } from '../address/url.ts';
import { reasonOf } from '../oci/thrown.ts';

/** A SOCKS proxy that cannot be used. Its cause is left out, since that holds the password. */
class SocksError extends Error {
  override readonly name = 'SocksError';
}

/**
 * Connects through a SOCKS5 proxy. The proxy looks the host's name up, for socks5 and socks5h alike, as in programs written in Go.
 * (RFC 1928, RFC 1929) Connecting fails with SocksError, or with what TLS throws.
 */
export function socksConnector(
  proxy: URL,
  options: buildConnector.BuildOptions & { readonly timeout: number },
): buildConnector.connector {
  const secure = buildConnector(options);
  const join = async (target: buildConnector.Options, callback: buildConnector.Callback): Promise<void> => {
    const socket = await tunnel(proxy, target, options.timeout);
    if (socket instanceof SocksError) callback(socket, null);
    else if (target.protocol === 'https:') secure({ ...target, httpSocket: socket }, callback);
    else callback(null, socket);
  };
  return (target, callback) => void join(target, callback);
}

type Tunnel = Awaited<ReturnType<typeof SocksClient.createConnection>>['socket'];

async function tunnel(proxy: URL, target: buildConnector.Options, timeout: number): Promise<Tunnel | SocksError> {
  const port = Number(target.port) || (target.protocol === 'https:' ? 443 : 80);
  try {
    const { socket } = await SocksClient.createConnection({
      command: 'connect',
      proxy: {
        type: 5,
        host: bare(proxy.hostname),
        port: Number(proxy.port) || 1080,
        ...(proxy.username !== '' && { userId: decodedPart(proxy.username), password: decodedPart(proxy.password) }),
      },
      destination: { host: bare(target.hostname), port },
      timeout,
      set_tcp_nodelay: true,
    });
    return socket;
  } catch (error) {
    return new SocksError(reasonOf(error));
  }
}

/** URLs put IPv6 addresses into brackets. */
function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}
