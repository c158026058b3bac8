import { Readable } from 'node:stream';
import type { buildConnector, Dispatcher } from 'undici';
import requestOf from 'undici/lib/api/api-request.js';
import Agent from 'undici/lib/dispatcher/agent.js';
import { isLocalHost, KnownNames, LocalAddressError } from '../address/local-address.ts';
import { basicAuthorization } from '../address/url.ts';
import { authoritiesFor, type CertificateOptions, type TlsSettings, tlsSettingsFor } from '../config/certificates.ts';
import { proxyFor } from '../config/proxy.ts';
import { RegistryError } from '../errors/registry-error.ts';
import type { HttpBody, HttpRequest, HttpResponse } from './exchange.ts';
import { codeIn, networkError, unknownAuthorityCodes } from './network-errors.ts';
import { orAborted } from './or-aborted.ts';
import { type StallWatch, watchStalls } from './stall-watch.ts';

export interface TransportOptions extends CertificateOptions {
  /** How long nothing may arrive before a request fails, in milliseconds. */
  readonly stallTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly userAgent: string;
}

/** What decides which pool of connections a request uses. */
interface Destination {
  readonly url: URL;
  readonly trust: Trust;
  /** The host of another origin whose reply named this one. */
  readonly namer: string | undefined;
}

/** Which authorities vouch for a host: few to begin with, all that are known once those do not suffice, or none. */
type Trust = 'narrow' | 'wide' | 'blind';

// A registry hashes a blob before it answers the PUT that ends it, at a few hundred MB/s.
const answerTimeoutMs = 15 * 60_000;

/** Connections to any number of hosts, with their certificates and proxies. Closing it ends what is still running. */
export class Transport implements AsyncDisposable {
  readonly #options: TransportOptions;
  readonly #dispatchers = new Map<string, Promise<Dispatcher>>();
  readonly #trust = new Map<string, Trust>();
  readonly #names = new KnownNames();

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /** Certificates of this host (with port) are not checked from now on. */
  trustBlindly(host: string): void {
    this.#trust.set(host, 'blind');
  }

  /** Sends one request once. Rejects with RegistryError when no reply comes, and with the signal's reason when it is aborted. */
  async send(request: HttpRequest): Promise<HttpResponse> {
    const { host } = request.url;
    const trust = this.#trust.get(host) ?? 'narrow';
    try {
      return await this.#sendTrusting(request, trust);
    } catch (error) {
      if (trust !== 'narrow' || !isUnknownAuthority(error)) throw error;
      this.#trust.set(host, 'wide');
      return this.#sendTrusting(request, 'wide');
    }
  }

  async #sendTrusting(request: HttpRequest, trust: Trust): Promise<HttpResponse> {
    request.signal?.throwIfAborted();
    const watch = watchStalls(request, this.#options.stallTimeoutMs);
    try {
      const replying = this.#request(request, trust, watch);
      // undici obeys the signal when it is connected, which a host that accepts connections and says nothing delays.
      const reply = await (watch.signal === undefined ? replying : orAborted(replying, watch.signal));
      const { stallTimeoutMs } = this.#options;
      return {
        status: reply.statusCode,
        headers: reply.headers,
        url: request.url,
        body: reply.body,
        stallTimeoutMs,
        explain: (error) => (request.signal?.aborted === true ? request.signal.reason : networkError(error, request, undefined)),
      };
    } catch (error) {
      request.signal?.throwIfAborted();
      throw networkError(watch.reason() ?? error, request, this.#proxyFor(request.url));
    } finally {
      watch.end();
    }
  }

  async #request(request: HttpRequest, trust: Trust, watch: StallWatch): Promise<Dispatcher.ResponseData> {
    const dispatcher = await this.#dispatcherFor({ url: request.url, trust, namer: await this.#namerOf(request) });
    const { origin, pathname, search } = request.url;
    return requestOf.call(dispatcher, {
      origin,
      path: `${pathname}${search}`,
      method: request.method,
      headers: { 'user-agent': this.#options.userAgent, ...bodyHeaders(request.body), ...request.headers },
      body: await readableOf(watch.body),
      ...(watch.signal && { signal: watch.signal }),
      headersTimeout: request.body === undefined ? this.#options.stallTimeoutMs : answerTimeoutMs,
      bodyTimeout: this.#options.stallTimeoutMs,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const dispatchers = [...this.#dispatchers.values()];
    this.#dispatchers.clear();
    await Promise.all(dispatchers.map(async (pending) => (await pending.catch(() => undefined))?.destroy()));
  }

  #proxyFor(url: URL): URL | undefined {
    return proxyFor(url, this.#options.environment);
  }

  /**
   * The host that named the URL, when that is another one.
   *
   * @throws LocalAddressError when a server elsewhere names an address of this machine; names are looked at when they are resolved
   */
  async #namerOf({ url, namedBy }: HttpRequest): Promise<string | undefined> {
    if (namedBy === undefined || namedBy.origin === url.origin || isLocalHost(namedBy.hostname)) return undefined;
    // What a proxy leads to is not here.
    if (this.#proxyFor(namedBy) !== undefined) this.#names.noteElsewhere(namedBy.hostname);
    if (!isLocalHost(url.hostname)) return namedBy.hostname;
    if (await this.#names.leadsHere(namedBy.hostname)) return undefined;
    throw new LocalAddressError();
  }

  #dispatcherFor(destination: Destination): Promise<Dispatcher> {
    const key = `${destination.url.origin} ${destination.trust} ${destination.namer ?? ''}`;
    const known = this.#dispatchers.get(key);
    if (known !== undefined) return known;
    const made = this.#makeDispatcher(destination);
    this.#dispatchers.set(key, made);
    return made;
  }

  async #makeDispatcher({ url, trust, namer }: Destination): Promise<Dispatcher> {
    const breadth = trust === 'wide' ? 'wide' : 'narrow';
    const settings = url.protocol === 'https:' ? await tlsSettingsFor(url.host, breadth, this.#options) : {};
    const lookup = namer === undefined ? this.#names.lookup : this.#names.guarded(namer);
    const connect = { ...connectOptions(settings, trust !== 'blind', this.#options.connectTimeoutMs), lookup };
    const proxy = this.#proxyFor(url);
    const limits = { keepAliveTimeout: 10_000, maxHeaderSize: 64 * 1024 };
    if (proxy === undefined) return new Agent({ ...limits, connect });
    if (proxy.protocol.startsWith('socks')) {
      const { socksConnector } = await import('./socks.ts');
      return new Agent({ ...limits, connect: socksConnector(proxy, connect) });
    }
    const [{ ProxyAgent }, { proxyPool }] = await Promise.all([import('undici'), import('./proxy-pool.ts')]);
    const ca = proxy.protocol === 'https:' ? await authoritiesFor(breadth, this.#options) : [];
    return new ProxyAgent({
      ...limits,
      ...proxyOptions(proxy),
      requestTls: connect,
      proxyTls: { timeout: this.#options.connectTimeoutMs, ...(ca.length > 0 && { ca: [...ca] }) },
      clientFactory: proxyPool,
    });
  }
}

function isUnknownAuthority(error: unknown): boolean {
  return (
    error instanceof RegistryError &&
    (error.code === 'certificate' || error.code === 'proxy') &&
    unknownAuthorityCodes.includes(codeIn(error.cause) ?? '')
  );
}

function connectOptions(
  settings: TlsSettings,
  isVerified: boolean,
  timeout: number,
): buildConnector.BuildOptions & { readonly timeout: number } {
  return {
    timeout,
    rejectUnauthorized: isVerified,
    ...(settings.ca === undefined ? {} : { ca: [...settings.ca] }),
    ...(settings.cert === undefined ? {} : { cert: settings.cert }),
    ...(settings.key === undefined ? {} : { key: settings.key }),
  };
}

/** The proxy without its user in the URL, since errors may quote the URL; http targets are asked for plainly, as proxies expect. */
function proxyOptions(proxy: URL): { uri: string; token?: string; proxyTunnel: boolean } {
  const bare = new URL(proxy);
  bare.username = '';
  bare.password = '';
  const token = basicAuthorization(proxy);
  return { uri: bare.href, ...(token !== undefined && { token }), proxyTunnel: false };
}

function bodyHeaders(body: HttpBody | undefined): Record<string, string> {
  const size = body instanceof Uint8Array ? body.byteLength : body?.size;
  return size === undefined ? {} : { 'content-length': String(size) };
}

async function readableOf(body: HttpBody | undefined): Promise<Readable | Uint8Array | null> {
  if (body === undefined) return null;
  if (body instanceof Uint8Array) return body;
  return Readable.from(await body.open(), { objectMode: false, highWaterMark: 256 * 1024 });
}
