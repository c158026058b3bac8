import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { hostOf, listen } from './loopback.ts';
import { type TemporaryFolder, temporaryFolder } from './temporary-folder.ts';

const environment = {
  PATH: process.env['PATH'],
  HOME: '/nonexistent',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@example.com',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@example.com',
  GIT_AUTHOR_DATE: '2001-02-03T04:05:06Z',
  GIT_COMMITTER_DATE: '2001-02-03T04:05:06Z',
};

/** A repository with a working tree, that a GitServer serves as `name/.git`. */
export class TestRepository {
  readonly folder: string;

  constructor(folder: string, { objectFormat = 'sha1' }: { readonly objectFormat?: string } = {}) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
    this.git('init', '-q', '-b', 'main', `--object-format=${objectFormat}`);
    // Dumb clients are none of ours, but commits that no branch leads to must be had.
    this.git('config', 'uploadpack.allowReachableSHA1InWant', 'true');
  }

  git(...args: readonly string[]): string {
    const { status, stdout, stderr } = spawnSync('git', ['-c', 'protocol.file.allow=always', ...args], {
      cwd: this.folder,
      env: environment,
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`git ${args.join(' ')}: ${stderr}`);
    return stdout.trim();
  }

  write(name: string, content: string): this {
    const file = join(this.folder, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    return this;
  }

  /** Commits everything, and gives the commit. */
  commit(message: string): string {
    this.git('add', '-A');
    this.git('commit', '-q', '--allow-empty', '-m', message);
    return this.git('rev-parse', 'HEAD');
  }
}

/** Serves repositories over HTTP with git's own program, on a free loopback port. */
export class GitServer implements AsyncDisposable {
  /** What clients asked for: `GET /name/.git/info/refs`. */
  readonly requests: string[] = [];
  /** The Authorization header without which the answer is 401. */
  authorization: string | undefined;
  readonly #root: TemporaryFolder;
  readonly #server: Server;

  private constructor(root: TemporaryFolder, server: Server) {
    this.#root = root;
    this.#server = server;
    server.on('request', (request, response) => {
      this.#serve(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
    });
  }

  static async start(): Promise<GitServer> {
    const server = createServer();
    await listen(server);
    return new GitServer(temporaryFolder('git'), server);
  }

  get host(): string {
    return hostOf(this.#server);
  }

  /** Of a repository: `http://127.0.0.1:port/name/.git`. */
  url(name: string): string {
    return `http://${this.host}/${name}/.git`;
  }

  repository(name: string, options: { readonly objectFormat?: string } = {}): TestRepository {
    return new TestRepository(this.#root.at(name), options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    this.#root[Symbol.dispose]();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://host');
    this.requests.push(`${request.method} ${url.pathname}`);
    if (this.authorization !== undefined && request.headers.authorization !== this.authorization) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
      return;
    }
    const body = await buffer(request);
    const child = spawn('git', ['http-backend'], {
      env: {
        ...environment,
        GIT_PROJECT_ROOT: this.#root.path,
        GIT_HTTP_EXPORT_ALL: '1',
        PATH_INFO: url.pathname,
        QUERY_STRING: url.search.slice(1),
        REQUEST_METHOD: request.method,
        CONTENT_TYPE: request.headers['content-type'] ?? '',
        CONTENT_LENGTH: String(body.length),
        HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
        GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    child.stdin.on('error', () => undefined);
    child.stdin.end(body);
    const reply = await buffer(child.stdout);
    const end = reply.indexOf('\r\n\r\n');
    const headers = reply.subarray(0, end).toString().split('\r\n');
    for (const line of headers) {
      const [name = '', value = ''] = line.split(/: (.*)/s);
      if (name === 'Status') response.statusCode = Number.parseInt(value, 10);
      else response.setHeader(name, value);
    }
    response.end(reply.subarray(end + 4));
  }
}
