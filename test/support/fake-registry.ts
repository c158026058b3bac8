import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type Digest, digestLike, digestOf, isDigest } from '../../registry/oci/digest.ts';
import { Call, type Fault } from './faulty-call.ts';
import { hostOf, listen, portOf } from './loopback.ts';

/** Which requests a fault befalls. */
export interface FaultRule {
  readonly method?: string;
  readonly path: RegExp;
  readonly query?: RegExp;
  /** How often; default: always. */
  readonly times?: number;
  /** How many matching requests go well before. */
  readonly after?: number;
  readonly fault: Fault;
}

export interface FakeRegistryOptions {
  readonly auth?: {
    readonly scheme: 'basic' | 'bearer';
    readonly username: string;
    readonly password: string;
    /** Pulls need no sign-in beyond an anonymous token. */
    readonly isPullAnonymous?: boolean;
    readonly tokenLifeSeconds?: number;
    /** What a refresh token must be for the OAuth2 form. */
    readonly identityToken?: string;
  };
  /** Answers PATCH and status requests; false: 405, as registries that want one PUT. */
  readonly allowsChunks?: boolean;
  /** The smallest chunk that it takes, which it says when an upload begins. */
  readonly leastChunkBytes?: number;
  /** Answers to subjects as the specification demands. */
  readonly hasReferrers?: boolean;
}

/** One request as it came. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  status: number;
}

interface StoredManifest {
  readonly type: string;
  readonly bytes: Buffer;
}

/**
 * A small registry in this process: pull, push, mounts, chunks, tokens. Each misbehaviour is a fault that a test adds.
 */
export class FakeRegistry implements AsyncDisposable {
  readonly blobs: Map<string, Buffer> = new Map();
  /** `repository digest` of every blob that a repository has. */
  readonly links: Set<string> = new Set();
  /** `repository/reference` to manifest. */
  readonly manifests: Map<string, StoredManifest> = new Map();
  readonly requests: SeenRequest[] = [];
  readonly tokens: Map<string, { readonly scopes: readonly string[]; readonly expiresAtMs: number }> = new Map();
  /** How many requests were under way at the same time, at most; a test may begin anew with 0. */
  mostAtOnce = 0;
  #underWay = 0;
  readonly #uploads = new Map<string, Buffer>();
  readonly #faults: (FaultRule & { left: number; skipped: number })[] = [];
  readonly #server: Server;
  readonly #options: FakeRegistryOptions;

  private constructor(server: Server, options: FakeRegistryOptions) {
    this.#server = server;
    this.#options = options;
    server.on('request', (request, response) => {
      this.#serve(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
    });
  }

  /** Starts on a free loopback port. */
  static async start(options: FakeRegistryOptions = {}): Promise<FakeRegistry> {
    const server = createServer({ keepAliveTimeout: 1000 });
    const registry = new FakeRegistry(server, options);
    await listen(server);
    return registry;
  }

  get port(): number {
    return portOf(this.#server);
  }

  /** `127.0.0.1:port`. */
  get host(): string {
    return hostOf(this.#server);
  }

  /** Makes requests go wrong from now on. */
  fail(rule: FaultRule): void {
    this.#faults.push({ ...rule, left: rule.times ?? Number.POSITIVE_INFINITY, skipped: rule.after ?? 0 });
  }

  /** All goes well again. */
  heal(): void {
    this.#faults.length = 0;
  }

  /** Uploads that were begun, and neither finished nor cancelled. */
  get openUploads(): number {
    return this.#uploads.size;
  }

  /** Puts a blob there. */
  addBlob(repository: string, bytes: Uint8Array, digest: Digest = digestOf(bytes)): Digest {
    this.blobs.set(digest, Buffer.from(bytes));
    this.links.add(`${repository} ${digest}`);
    return digest;
  }

  /** Puts a manifest there, under its digest and a tag. */
  addManifest(repository: string, tag: string, manifest: { readonly bytes: Uint8Array; readonly type: string }): Digest {
    const stored = { type: manifest.type, bytes: Buffer.from(manifest.bytes) };
    const digest = digestOf(manifest.bytes);
    for (const reference of [tag, digest]) this.manifests.set(`${repository}/${reference}`, stored);
    return digest;
  }

  /** Requests as `METHOD path`, without what token services and greetings add. */
  log(): readonly string[] {
    return this.requests
      .filter(({ path }) => path !== '/v2/' && !path.startsWith('/token'))
      .map(({ method, path }) => `${method} ${path}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', `http://${this.host}`);
    const seen: SeenRequest = { method: request.method ?? '', path: url.pathname, headers: request.headers, status: 0 };
    this.requests.push(seen);
    this.#underWay += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#underWay);
    response.on('finish', () => {
      seen.status = response.statusCode;
    });
    response.on('close', () => {
      this.#underWay -= 1;
    });
    const exchange = new Call(request, response, this.#faultFor(seen, url.search));
    if (exchange.fault?.kind === 'expire-tokens') this.tokens.clear();
    if (await exchange.failEarly()) return;
    if (url.pathname.startsWith('/token')) return this.#token(exchange, url);
    if (!this.#isAllowed(exchange, url)) return this.#challenge(exchange, url);
    return this.#route(exchange, url);
  }

  #faultFor({ method, path }: SeenRequest, query: string): Fault | undefined {
    for (const rule of this.#faults) {
      if ((rule.method !== undefined && rule.method !== method) || !rule.path.test(path)) continue;
      if (rule.query?.test(query) === false) continue;
      if (rule.skipped > 0) rule.skipped -= 1;
      else if (rule.left > 0) {
        rule.left -= 1;
        return rule.fault;
      }
    }
    return undefined;
  }

  #isAllowed(call: Call, url: URL): boolean {
    const { auth } = this.#options;
    if (auth === undefined) return true;
    const header = call.request.headers.authorization ?? '';
    if (auth.scheme === 'basic') return header === basic(auth.username, auth.password);
    const token = this.tokens.get(header.replace(/^Bearer /, ''));
    if (token === undefined || token.expiresAtMs < Date.now()) return false;
    return scopesNeeded(call.request, url).every((scope) => token.scopes.some((granted) => covers(granted, scope)));
  }

  #challenge(call: Call, url: URL): Promise<void> {
    const scopes = scopesNeeded(call.request, url).map((scope) => `,scope="${scope}"`);
    const bearer = `Bearer realm="http://${this.host}/token",service="fake"${scopes.join('')}`;
    const header = this.#options.auth?.scheme === 'basic' ? 'Basic realm="fake"' : bearer;
    return call.error(401, 'UNAUTHORIZED', { 'www-authenticate': header });
  }

  async #token(call: Call, url: URL): Promise<void> {
    const { auth } = this.#options;
    const form = new URLSearchParams(call.request.method === 'POST' ? (await call.body()).toString() : '');
    const scopes = [...url.searchParams.getAll('scope'), ...(form.get('scope')?.split(' ') ?? [])].filter(
      (scope) => scope !== '',
    );
    const isKnown =
      call.request.headers.authorization === basic(auth?.username ?? '', auth?.password ?? '') ||
      (auth?.identityToken !== undefined && form.get('refresh_token') === auth.identityToken);
    const isAnonymous = call.request.headers.authorization === undefined && call.request.method === 'GET';
    if (!isKnown && !isAnonymous) return call.error(401, 'UNAUTHORIZED', {});
    const granted = isKnown
      ? scopes
      : auth?.isPullAnonymous === true
        ? scopes.map((scope) => scope.replace(/:[^:]*$/, ':pull'))
        : [];
    const token = `token-${randomUUID()}`;
    const life = auth?.tokenLifeSeconds ?? 300;
    this.tokens.set(token, { scopes: [...granted, ''], expiresAtMs: Date.now() + life * 1000 });
    return call.json(200, { token, expires_in: life });
  }

  async #route(call: Call, url: URL): Promise<void> {
    if (url.pathname === '/v2/') return call.json(200, {});
    const parts = /^\/v2\/(.+)\/(manifests|blobs|referrers)\/(.*)$/.exec(url.pathname);
    const [, repository = '', kind, rest = ''] = parts ?? [];
    if (kind === 'manifests') return this.#manifest(call, repository, rest);
    if (kind === 'blobs' && rest.startsWith('uploads/')) {
      return this.#upload(call, { repository, url, id: rest.slice('uploads/'.length) });
    }
    if (kind === 'blobs') return this.#blob(call, repository, rest);
    return call.error(404, kind === 'referrers' ? 'UNSUPPORTED' : 'NAME_UNKNOWN', {});
  }

  async #manifest(call: Call, repository: string, reference: string): Promise<void> {
    if (call.request.method === 'PUT') return this.#putManifest(call, repository, reference);
    const found = this.manifests.get(`${repository}/${reference}`);
    if (found === undefined) return call.error(404, 'MANIFEST_UNKNOWN', {});
    const digest = isDigest(reference) ? reference : digestOf(found.bytes);
    const headers = { 'content-type': found.type, 'docker-content-digest': digest };
    return call.bytes(200, found.bytes, headers);
  }

  async #putManifest(call: Call, repository: string, reference: string): Promise<void> {
    const bytes = await call.body();
    const document: unknown = JSON.parse(bytes.toString());
    const isMissing = digestsIn(document).some(
      (digest) => !this.links.has(`${repository} ${digest}`) && !this.manifests.has(`${repository}/${digest}`),
    );
    if (isMissing) return call.error(400, 'MANIFEST_BLOB_UNKNOWN', {});
    const digest = isDigest(reference) ? reference : digestOf(bytes);
    if (digestLike(digest, bytes) !== digest) return call.error(400, 'DIGEST_INVALID', {});
    const stored = { type: call.request.headers['content-type'] ?? '', bytes };
    for (const name of [reference, digest]) this.manifests.set(`${repository}/${name}`, stored);
    const subject = subjectOf(document);
    const reply = this.#options.hasReferrers === true && subject !== undefined ? { 'oci-subject': subject } : {};
    return call.bytes(201, Buffer.alloc(0), { 'docker-content-digest': digest, ...reply });
  }

  async #blob(call: Call, repository: string, digest: string): Promise<void> {
    const found = this.links.has(`${repository} ${digest}`) ? this.blobs.get(digest) : undefined;
    if (found === undefined) return call.error(404, 'BLOB_UNKNOWN', {});
    const start = Number(/^bytes=(\d+)-$/.exec(call.request.headers.range ?? '')?.[1] ?? 0);
    if (start === 0 || call.fault?.kind === 'ignore-range') return call.bytes(200, found, {});
    if (start >= found.length) return call.error(416, 'RANGE_INVALID', {});
    const range = `bytes ${start}-${found.length - 1}/${found.length}`;
    return call.bytes(206, found.subarray(start), { 'content-range': range });
  }

  async #upload(call: Call, { repository, url, id }: { repository: string; url: URL; id: string }): Promise<void> {
    const { method } = call.request;
    if (method === 'POST') return this.#startUpload(call, repository, url);
    const kept = this.#uploads.get(id);
    if (kept === undefined) return call.error(404, 'BLOB_UPLOAD_UNKNOWN', {});
    const location = { location: `/v2/${repository}/blobs/uploads/${id}?state=secret-state` };
    if (method === 'GET') return call.bytes(204, Buffer.alloc(0), { ...location, range: `0-${Math.max(0, kept.length - 1)}` });
    if (method === 'DELETE') {
      this.#uploads.delete(id);
      return call.bytes(204, Buffer.alloc(0), {});
    }
    if (method === 'PATCH' && this.#options.allowsChunks === false) return call.error(405, 'UNSUPPORTED', {});
    const all = Buffer.concat([kept, await call.body((part) => this.#uploads.set(id, Buffer.concat([kept, part])))]);
    this.#uploads.set(id, all);
    if (method === 'PATCH') return call.bytes(202, Buffer.alloc(0), { ...location, range: `0-${all.length - 1}` });
    return this.#finishUpload(call, { repository, id, digest: url.searchParams.get('digest') ?? '' });
  }

  #startUpload(call: Call, repository: string, url: URL): Promise<void> {
    const [digest, from] = [url.searchParams.get('mount'), url.searchParams.get('from')];
    if (digest !== null && from !== null && this.links.has(`${from} ${digest}`)) {
      this.links.add(`${repository} ${digest}`);
      return call.bytes(201, Buffer.alloc(0), { location: `/v2/${repository}/blobs/${digest}` });
    }
    const id = randomUUID();
    this.#uploads.set(id, Buffer.alloc(0));
    return call.bytes(202, Buffer.alloc(0), {
      location: `/v2/${repository}/blobs/uploads/${id}?state=secret-state`,
      range: '0-0',
      ...(this.#options.leastChunkBytes !== undefined && { 'oci-chunk-min-length': String(this.#options.leastChunkBytes) }),
    });
  }

  #finishUpload(call: Call, { repository, id, digest }: { repository: string; id: string; digest: string }): Promise<void> {
    const bytes = this.#uploads.get(id) ?? Buffer.alloc(0);
    this.#uploads.delete(id);
    if (!isDigest(digest) || digestLike(digest, bytes) !== digest) return call.error(400, 'DIGEST_INVALID', {});
    this.addBlob(repository, bytes, digest);
    return call.bytes(201, Buffer.alloc(0), { 'docker-content-digest': digest });
  }
}

function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function scopesNeeded(request: IncomingMessage, url: URL): readonly string[] {
  const repository = /^\/v2\/(.+)\/(manifests|blobs|referrers)\//.exec(url.pathname)?.[1];
  if (repository === undefined) return [''];
  const action = request.method === 'GET' || request.method === 'HEAD' ? 'pull' : 'pull,push';
  const from = url.searchParams.get('from');
  return [`repository:${repository}:${action}`, ...(from === null ? [] : [`repository:${from}:pull`])];
}

function covers(granted: string, needed: string): boolean {
  const [name, actions] = splitScope(granted);
  const [wantedName, wanted] = splitScope(needed);
  return name === wantedName && wanted.every((action) => actions.includes(action));
}

function splitScope(scope: string): readonly [string, readonly string[]] {
  const colon = scope.lastIndexOf(':');
  return [scope.slice(0, colon), scope.slice(colon + 1).split(',')];
}

function digestsIn(document: unknown): readonly string[] {
  const fields: Record<string, unknown> = typeof document === 'object' && document !== null ? { ...document } : {};
  const lists = [fields['layers'], fields['manifests']].filter((list) => Array.isArray(list)).flat();
  return [fields['config'], ...lists].flatMap((entry: unknown) => {
    if (typeof entry !== 'object' || entry === null || !('digest' in entry) || 'urls' in entry) return [];
    return typeof entry.digest === 'string' ? [entry.digest] : [];
  });
}

function subjectOf(document: unknown): string | undefined {
  if (typeof document !== 'object' || document === null || !('subject' in document)) return undefined;
  const { subject } = document;
  if (typeof subject !== 'object' || subject === null || !('digest' in subject)) return undefined;
  return typeof subject.digest === 'string' ? subject.digest : undefined;
}
