import { formatReference, type Reference, type RepositoryName } from '../address/reference.ts';
import type { CredentialOptions, Credentials } from '../auth/credentials.ts';
import { findCredentials } from '../auth/find-credentials.ts';
import type { Environment } from '../config/proxy.ts';
import { loadRegistriesConf, type RegistriesConf } from '../config/registries-conf.ts';
import { candidateReferences, pullSites, pushSite, type Site } from '../config/sites.ts';
import { cleanText, redactText } from '../errors/redact.ts';
import { RegistryError } from '../errors/registry-error.ts';
import { discard, type Exchange, type HttpRequest } from '../http/exchange.ts';
import { Patience } from '../http/patience.ts';
import { redirecting } from '../http/redirect.ts';
import { replyError } from '../http/reply-error.ts';
import { retrying } from '../http/retry.ts';
import { Transport } from '../http/transport.ts';
import { authorizerFor, greetHost, type RegistryHost } from './host.ts';
import { Repository } from './repository.ts';

/** Times and numbers that tests shorten. */
export interface RegistryLimits {
  /** How long nothing may arrive or leave, in milliseconds. Default 60,000. */
  readonly stallTimeoutMs?: number;
  /** Default 20,000. */
  readonly connectTimeoutMs?: number;
  /** How often a request is sent at most. Default 5. */
  readonly attempts?: number;
  /** The first pause between two attempts, doubled each time. Default 500. */
  readonly backoffMs?: number;
  /** The longest pause that a registry may ask for. Default 60,000. */
  readonly longestPauseMs?: number;
  /** Blobs in flight at once, for each registry. Default 6. */
  readonly parallelBlobs?: number;
}

export interface RegistryClientOptions {
  /** Proxies, HOME, DOCKER_CONFIG, REGISTRY_AUTH_FILE, CONTAINERS_REGISTRIES_CONF and so on are read from here. */
  readonly environment: Environment;
  readonly authFile?: string | undefined;
  readonly certDirectory?: string | undefined;
  /** false: certificates are not checked, and plain HTTP is tried where TLS does not answer. */
  readonly tlsVerify?: boolean | undefined;
  /** Ends everything that is under way. */
  readonly signal?: AbortSignal | undefined;
  /** Told what people should know and what is no failure; each text once. */
  readonly onNotice?: ((message: string) => void) | undefined;
  readonly limits?: RegistryLimits;
}

/** What came of doing something at one of several sites. */
export interface FirstResult<T> {
  readonly result: T;
  readonly site: Site;
  /** The sites that were not needed. */
  readonly rest: readonly Site[];
}

const defaults = {
  stallTimeoutMs: 60_000,
  connectTimeoutMs: 20_000,
  attempts: 5,
  backoffMs: 500,
  longestPauseMs: 60_000,
  parallelBlobs: 6,
} satisfies Required<RegistryLimits>;

/**
 * Speaks to any number of registries; keeps their connections, tokens and challenges until it is disposed. Everything it throws is a
 * RegistryError, or the reason of an abort.
 */
export class RegistryClient implements AsyncDisposable {
  readonly limits: Required<RegistryLimits>;
  /** Requests without authorization: retries and redirects over connections with the right certificates and proxies. */
  readonly exchange: Exchange;
  readonly #options: RegistryClientOptions;
  readonly #transport: Transport;
  readonly #hosts = new Map<string, Promise<RegistryHost>>();
  readonly #repositories = new Map<string, Repository>();
  readonly #told = new Set<string>();
  #conf: Promise<RegistriesConf> | undefined;

  constructor(options: RegistryClientOptions) {
    this.#options = options;
    this.limits = { ...defaults, ...options.limits };
    const { environment, certDirectory } = options;
    this.#transport = new Transport({ ...this.limits, environment, certDirectory, signal: options.signal, userAgent: 'tsbuild' });
    const send: Exchange = (request) => this.#transport.send({ ...request, signal: this.#joined(request) });
    this.exchange = redirecting(retrying(send, { ...this.limits, onNotice: (message) => this.notice(message) }));
  }

  /** Tells people something, once. */
  notice(message: string): void {
    const text = redactText(cleanText(message));
    if (this.#told.has(text)) return;
    this.#told.add(text);
    this.#options.onNotice?.(text);
  }

  /** What registries.conf says; read once, when it is first needed. */
  conf(): Promise<RegistriesConf> {
    this.#conf ??= loadRegistriesConf(this.#options.environment, this.#options.signal);
    return this.#conf;
  }

  /** The full names that a text may mean, the likeliest first. */
  async candidates(text: string): Promise<readonly Reference[]> {
    return candidateReferences(text, await this.conf());
  }

  /** The places where a reference can be pulled from: its mirrors in order, then itself. @throws RegistryError `blocked` */
  async pullSites(reference: Reference): Promise<readonly Site[]> {
    return pullSites(reference, await this.conf());
  }

  /** Does something with the repository of a reference at the first of its sites where that succeeds. */
  async pulling<T>(reference: Reference, purpose: string, work: (repository: Repository) => Promise<T>): Promise<T> {
    return (await this.atFirst(await this.pullSites(reference), purpose, work)).result;
  }

  /**
   * Does something at the first site where it succeeds, and says which sites are left after that one. The failure of a site that is followed
   * by others is told as a notice; that of the last one is thrown.
   */
  async atFirst<T>(
    [site, ...rest]: readonly Site[],
    purpose: string,
    work: (repository: Repository, rest: readonly Site[]) => Promise<T>,
  ): Promise<FirstResult<T>> {
    if (site === undefined) throw new Error(`No site to ${purpose}`);
    try {
      const { attempts } = this.limits;
      // With another place to go to, patience with this one only costs time.
      const repository = await this.#open(site, purpose, rest.length === 0 ? attempts : Math.min(2, attempts));
      return { result: await work(repository, rest), site, rest };
    } catch (error) {
      this.passOver(site, rest, error);
      return this.atFirst(rest, purpose, work);
    }
  }

  /** Tells that a site failed when others are left; else, or when the failure is none of the site's, throws it. */
  passOver(site: Site, rest: readonly Site[], error: unknown): void {
    this.#options.signal?.throwIfAborted();
    if (rest.length === 0 || !(error instanceof RegistryError)) throw error;
    this.notice(`Mirror ${site.registry} is passed over: ${error.message}`);
  }

  /** The repository that a reference is pushed to. */
  async pushing(reference: Reference, purpose: string): Promise<Repository> {
    return this.#open(pushSite(reference, await this.conf()), purpose, this.limits.attempts);
  }

  /** Tries credentials at a registry. @throws RegistryError `unauthorized` when it refuses them */
  async verifyCredentials(registry: string, credentials: Credentials, signal?: AbortSignal): Promise<void> {
    const purpose = `sign in to "${registry}"`;
    const site = pushSite({ registry, repository: 'any' }, await this.conf());
    const host = await this.#host(site, purpose, this.limits.attempts);
    const { exchange } = authorizerFor(host, this.exchange, async () => credentials);
    const request = { method: 'GET', url: new URL('/v2/', host.base), purpose, signal } as const;
    const response = await exchange(request);
    if (response.status === 401 || response.status === 403) throw await replyError(response, request, '');
    discard(response);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#transport[Symbol.asyncDispose]();
  }

  async #open(site: Site, purpose: string, attempts: number): Promise<Repository> {
    const key = formatReference(site);
    const known = this.#repositories.get(key);
    if (known !== undefined) return known;
    const host = await this.#host(site, purpose, attempts);
    const { exchange } = authorizerFor(host, this.exchange, () => this.#credentialsFor(site));
    const repository = new Repository(site, { host, exchange, onWarning: (text) => this.notice(text) });
    this.#repositories.set(key, repository);
    return repository;
  }

  #host(site: Site, purpose: string, attempts: number): Promise<RegistryHost> {
    const known = this.#hosts.get(site.registry);
    if (known !== undefined) return known;
    const greeted = greetHost(site.registry, {
      transport: this.#transport,
      exchange: this.exchange,
      patience: new Patience({ ...this.limits, attempts }),
      isInsecure: site.isInsecure || this.#options.tlsVerify === false,
      parallelBlobs: this.limits.parallelBlobs,
      purpose,
      signal: this.#options.signal,
    });
    this.#hosts.set(site.registry, greeted);
    // The next one to come tries again, and fails by its own purpose.
    greeted.catch(() => this.#hosts.delete(site.registry));
    return greeted;
  }

  async #credentialsFor({ registry, repository }: RepositoryName): Promise<Credentials | undefined> {
    const { environment, authFile, signal } = this.#options;
    const options: CredentialOptions = { environment, authFile, signal, onNotice: (message) => this.notice(message) };
    return findCredentials(`${registry}/${repository}`, options);
  }

  #joined({ signal, outlivesAbort }: HttpRequest): AbortSignal | undefined {
    const own = this.#options.signal;
    if (outlivesAbort === true) return signal;
    if (own === undefined || signal === undefined || own === signal) return own ?? signal;
    return AbortSignal.any([own, signal]);
  }
}
