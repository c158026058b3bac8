import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { closeAll, hostOf, listen } from './loopback.ts';

/** A TCP proxy on a loopback port that closes connections in the middle of what they carry. */
export class CuttingProxy implements AsyncDisposable {
  /** Connections that are still to be cut: after how many bytes, and in which direction. */
  readonly cuts: { readonly direction: 'up' | 'down'; readonly atByte: number }[] = [];
  readonly #server: Server;
  readonly #sockets: Set<Socket> = new Set();

  private constructor(server: Server, targetPort: number) {
    this.#server = server;
    server.on('connection', (socket) => this.#join(socket, createConnection(targetPort, '127.0.0.1')));
  }

  /** Starts before a server on loopback, `host` being `127.0.0.1:port`. */
  static async start(host: string): Promise<CuttingProxy> {
    const server = createServer();
    const proxy = new CuttingProxy(server, Number(host.split(':')[1]));
    await listen(server);
    return proxy;
  }

  get host(): string {
    return hostOf(this.#server);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return closeAll(this.#server, this.#sockets);
  }

  #join(client: Socket, target: Socket): void {
    this.#carry(client, target, 'up');
    this.#carry(target, client, 'down');
  }

  #carry(from: Socket, to: Socket, direction: 'up' | 'down'): void {
    this.#sockets.add(from);
    let count = 0;
    from.on('data', (chunk: Buffer) => {
      count += chunk.length;
      const [cut] = this.cuts;
      if (cut?.direction === direction && count >= cut.atByte) {
        this.cuts.shift();
        to.end(chunk.subarray(0, chunk.length - (count - cut.atByte)), () => to.resetAndDestroy());
        from.destroy();
      } else if (!to.write(chunk)) {
        from.pause();
        to.once('drain', () => from.resume());
      }
    });
    from.on('end', () => to.end());
    from.on('error', () => to.destroy());
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
  }
}
