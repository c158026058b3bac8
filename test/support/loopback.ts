import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** Lets a server listen on a port of loopback that the kernel chooses. */
export function listen(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
}

export function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server does not listen');
  return address.port;
}

/** `127.0.0.1:port`. */
export function hostOf(server: Server): string {
  return `127.0.0.1:${portOf(server)}`;
}

/** A connection to a server on loopback, both ways. An end that fails takes the other one along. */
export function joined(client: Socket, targetPort: number): Socket {
  const target = connect(targetPort, '127.0.0.1', () => client.pipe(target).pipe(client));
  client.on('error', () => target.destroy());
  target.on('error', () => client.destroy());
  return target;
}

/** Ends a server and whatever is connected to it. */
export async function closeAll(server: Server, sockets: Iterable<Duplex>): Promise<void> {
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
}

/** A port that nobody listens on at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await listen(server);
  const port = portOf(server);
  await closeAll(server, []);
  return port;
}
