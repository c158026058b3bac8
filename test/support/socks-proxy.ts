import { createServer, type Server, type Socket } from 'node:net';
import { closeAll, hostOf, joined, listen } from './loopback.ts';

export interface SocksProxyOptions {
  /** Where every connection ends, whatever host it asks for. */
  readonly targetPort: number;
  /** `user:password` that must be shown. */
  readonly password?: string;
  /** Answered to every request to connect; default 0, success. (RFC 1928, section 6) */
  readonly reply?: number;
}

/** A SOCKS5 proxy on loopback that leads everybody to one server. */
export class SocksProxy implements AsyncDisposable {
  /** The hosts that were asked for, as they were sent: `name registry.invalid:5000`, `address 10.0.0.1:80`. */
  readonly asked: string[] = [];
  readonly #server: Server;
  readonly #options: SocksProxyOptions;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, options: SocksProxyOptions) {
    this.#server = server;
    this.#options = options;
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => socket.destroy());
      this.#serve(socket).catch(() => socket.destroy());
    });
  }

  static async start(options: SocksProxyOptions): Promise<SocksProxy> {
    const server = createServer();
    const proxy = new SocksProxy(server, options);
    await listen(server);
    return proxy;
  }

  get host(): string {
    return hostOf(this.#server);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return closeAll(this.#server, this.#sockets);
  }

  async #serve(socket: Socket): Promise<void> {
    const { password, reply = 0, targetPort } = this.#options;
    const greeting = await message(socket);
    const method = password === undefined ? 0 : 2;
    if (!greeting.subarray(2).includes(method)) return void socket.end(Buffer.of(5, 0xff));
    socket.write(Buffer.of(5, method));
    if (password !== undefined && !(await hasPassword(socket, password))) return void socket.end(Buffer.of(1, 1));
    if (password !== undefined) socket.write(Buffer.of(1, 0));
    this.asked.push(destinationIn(await message(socket)));
    socket.write(Buffer.of(5, reply, 0, 1, 0, 0, 0, 0, 0, 0));
    if (reply !== 0) return void socket.end();
    joined(socket, targetPort);
  }
}

/** What the client sends before it waits for an answer; so little never comes in two parts over loopback. */
function message(socket: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    socket.once('data', (bytes: Buffer) => {
      socket.pause();
      resolve(bytes);
    });
    socket.once('close', () => reject(new Error('closed')));
    socket.resume();
  });
}

async function hasPassword(socket: Socket, password: string): Promise<boolean> {
  const bytes = await message(socket);
  const userEnd = 2 + (bytes[1] ?? 0);
  return `${bytes.subarray(2, userEnd).toString()}:${bytes.subarray(userEnd + 1).toString()}` === password;
}

function destinationIn(bytes: Buffer): string {
  const port = bytes.readUInt16BE(bytes.length - 2);
  if (bytes[3] === 3) return `name ${bytes.subarray(5, -2).toString()}:${port}`;
  return `address ${[...bytes.subarray(4, -2)].join('.')}:${port}`;
}
