import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { createServer, type Server } from 'node:https';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { closeAll, listen, portOf } from './loopback.ts';

/** Ends TLS before a plain server of this machine, whatever name it is asked for. */
export class TlsFront implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets: Set<Duplex> = new Set();

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => this.#sockets.add(socket));
  }

  static async start(targetPort: number, tls: { readonly cert: Buffer; readonly key: Buffer }): Promise<TlsFront> {
    const server = createServer(tls, (from, to) => {
      const { method, headers, url: path } = from;
      const forwarded = httpRequest({ host: '127.0.0.1', port: targetPort, method, path, headers }, (reply) => {
        to.writeHead(reply.statusCode ?? 502, reply.headers);
        reply.pipe(to);
      });
      forwarded.on('error', () => to.destroy());
      from.pipe(forwarded);
    });
    const front = new TlsFront(server);
    await listen(server);
    return front;
  }

  get port(): number {
    return portOf(this.#server);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return closeAll(this.#server, this.#sockets);
  }
}

/** A certificate that nobody knows, made in a folder as `ca.crt`, for this machine's address too. Needs openssl. */
export function selfSigned(folder: string): { cert: Buffer; key: Buffer } {
  const kind = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-days',
    '2',
    '-subj',
    '/CN=x',
    '-addext',
    'subjectAltName=IP:127.0.0.1',
  ];
  execFileSync('openssl', [...kind, '-keyout', 'key.pem', '-out', 'ca.crt'], { cwd: folder, stdio: 'pipe' });
  return { cert: readFileSync(join(folder, 'ca.crt')), key: readFileSync(join(folder, 'key.pem')) };
}
