import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { digestOf } from './images.ts';
import { hostOf, listen } from './loopback.ts';

/** What a path of the server gives. */
export interface ServedFile {
  readonly content: string | Uint8Array;
  /** An HTTP date. */
  readonly lastModified?: string;
  /** false: no validator is sent, so that nobody can ask whether it has changed. */
  readonly hasEtag?: boolean;
  /** The value of the Authorization header without which the answer is 401. */
  readonly authorization?: string;
  /** Answers with a redirect there instead. */
  readonly redirect?: string;
  /** Breaks off after this many bytes, so many times. */
  readonly breaks?: { readonly after: number; times: number };
}

/** A web server in this process, with a few files. */
export class FileServer implements AsyncDisposable {
  readonly files: Map<string, ServedFile> = new Map();
  readonly requests: { readonly method: string; readonly path: string; readonly headers: IncomingHttpHeaders; status: number }[] =
    [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', (request, response) => {
      const path = new URL(request.url ?? '/', 'http://host').pathname;
      const seen = { method: request.method ?? '', path, headers: request.headers, status: 0 };
      this.requests.push(seen);
      response.on('close', () => {
        seen.status = response.statusCode;
      });
      const file = this.files.get(path);
      if (file === undefined) return response.writeHead(404).end('there is nothing');
      if (file.redirect !== undefined) return response.writeHead(302, { location: file.redirect }).end();
      if (file.authorization !== undefined && request.headers.authorization !== file.authorization) {
        return response.writeHead(401).end();
      }
      const content = Buffer.from(file.content);
      const etag = `"${digestOf(content).slice(7, 23)}"`;
      if (file.hasEtag !== false) response.setHeader('etag', etag);
      if (file.lastModified !== undefined) response.setHeader('last-modified', file.lastModified);
      if (file.hasEtag !== false && request.headers['if-none-match'] === etag) return response.writeHead(304).end();
      response.setHeader('content-length', content.length);
      if (file.breaks !== undefined && file.breaks.times-- > 0) {
        return response.write(content.subarray(0, file.breaks.after), () => response.destroy());
      }
      return response.end(content);
    });
  }

  /** Starts on a free loopback port. */
  static async start(files: Readonly<Record<string, ServedFile | string>> = {}): Promise<FileServer> {
    const server = createServer();
    const started = new FileServer(server);
    for (const [path, file] of Object.entries(files)) started.put(path, file);
    await listen(server);
    return started;
  }

  /** `http://127.0.0.1:port`. */
  get url(): string {
    return `http://${this.host}`;
  }

  get host(): string {
    return hostOf(this.#server);
  }

  put(path: string, file: ServedFile | string): void {
    this.files.set(path, typeof file === 'string' ? { content: file } : file);
  }

  /** `GET /path 200`, and forgets them. */
  log(): readonly string[] {
    return this.requests.splice(0).map(({ method, path, status }) => `${method} ${path} ${status}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
