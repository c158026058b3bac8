import { createServer, request as httpRequest, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { Socket } from 'node:net';
import { closeAll, hostOf, joined, listen } from './loopback.ts';

export interface ForwardProxyOptions {
  readonly targetPort: number;
  /** `user:password` that must be shown. */
  readonly password?: string;
  /** The proxy itself speaks TLS, with this. */
  readonly tls?: Pick<ServerOptions, 'cert' | 'key'>;
}

/** A HTTP proxy on loopback: forwards plain requests and tunnels CONNECT, wherever they want to go, to one server. */
export class ForwardProxy implements AsyncDisposable {
  /** What was asked for: `GET http://host/path`, `CONNECT host:port`. */
  readonly asked: string[] = [];
  readonly #server: Server;
  readonly #password: string | undefined;
  readonly #sockets: Set<Socket> = new Set();

  private constructor(server: Server, options: ForwardProxyOptions) {
    this.#server = server;
    this.#password = options.password;
    server.on('request', (request, response) => this.#forward(request, response, options.targetPort));
    server.on('connect', (request: IncomingMessage, socket: Socket) => this.#tunnel(request, socket, options.targetPort));
    server.on('connection', (socket) => this.#sockets.add(socket));
  }

  static async start(options: ForwardProxyOptions): Promise<ForwardProxy> {
    const server = options.tls === undefined ? createServer() : createTlsServer(options.tls);
    const proxy = new ForwardProxy(server, options);
    await listen(server);
    return proxy;
  }

  get host(): string {
    return hostOf(this.#server);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return closeAll(this.#server, this.#sockets);
  }

  #isAllowed(request: IncomingMessage): boolean {
    this.asked.push(`${request.method} ${request.url}`);
    if (this.#password === undefined) return true;
    return request.headers['proxy-authorization'] === `Basic ${Buffer.from(this.#password).toString('base64')}`;
  }

  #forward(request: IncomingMessage, response: ServerResponse, port: number): void {
    if (!this.#isAllowed(request)) {
      response.writeHead(407).end();
      return;
    }
    const url = new URL(request.url ?? '');
    const options = {
      host: '127.0.0.1',
      port,
      method: request.method,
      path: url.pathname + url.search,
      headers: request.headers,
    };
    const forwarded = httpRequest(options, (reply) => {
      response.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(response);
    });
    forwarded.on('error', () => response.destroy());
    request.pipe(forwarded);
  }

  #tunnel(request: IncomingMessage, socket: Socket, port: number): void {
    if (!this.#isAllowed(request)) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      return;
    }
    joined(socket, port).once('connect', () => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
  }
}
