import { isLoopback } from '../address/loopback.ts';
import { parseUrl } from '../address/url.ts';
import { Authorizer } from '../auth/authorize.ts';
import type { Credentials } from '../auth/credentials.ts';
import { RegistryError } from '../errors/registry-error.ts';
import { discard, type Exchange, type HttpResponse } from '../http/exchange.ts';
import type { Patience } from '../http/patience.ts';
import { replyError } from '../http/reply-error.ts';
import { isTransientStatus, pauseFor } from '../http/retry.ts';
import { Semaphore } from '../http/semaphore.ts';
import type { Transport } from '../http/transport.ts';
import type { Digest } from '../oci/digest.ts';

/** A registry that has answered: where it is, how it is spoken to, how it wants to be signed in at. */
export interface RegistryHost {
  readonly base: URL;
  readonly isInsecure: boolean;
  /** The reply to `GET /v2/`, whose challenge holds for all that follows. */
  readonly greeting: HttpResponse;
  /** Places for blobs in flight, each way its own: a copy within one registry holds one of both. */
  readonly pullSlots: Semaphore;
  readonly pushSlots: Semaphore;
  /** Repositories in which blobs have been seen, by digest: from there they can be mounted. */
  readonly blobHomes: Map<Digest, string>;
}

export interface HostOptions {
  readonly transport: Transport;
  /** Retries and redirects, without authorization. */
  readonly exchange: Exchange;
  /** How often it is tried. */
  readonly patience: Patience;
  readonly isInsecure: boolean;
  readonly parallelBlobs: number;
  readonly purpose: string;
  readonly signal: AbortSignal | undefined;
}

/**
 * Says hello to a registry. HTTPS first; plain HTTP when TLS does not answer and the registry is on a loopback address or declared
 * insecure. What fails in passing is tried again, both ways each time.
 *
 * @throws RegistryError
 */
export async function greetHost(host: string, options: HostOptions): Promise<RegistryHost> {
  // The names of Docker Hub in references and on the network differ.
  const address = host === 'docker.io' ? 'registry-1.docker.io' : host;
  const secure = urlOf('https', address);
  if (options.isInsecure) options.transport.trustBlindly(secure.host);
  for (;;) {
    try {
      return await greetOnce(secure, address, options);
    } catch (error) {
      const pauseMs = isPassing(error) ? options.patience.afterFailure() : undefined;
      if (pauseMs === undefined) throw error;
      await pauseFor(pauseMs, options.signal);
    }
  }
}

/** Who does not answer at all has been waited for long enough. */
function isPassing(error: unknown): boolean {
  return error instanceof RegistryError && error.code === 'connection-lost';
}

async function greetOnce(secure: URL, address: string, options: HostOptions): Promise<RegistryHost> {
  try {
    return await greet(secure, options);
  } catch (error) {
    if (!mayFallBack(error, secure, options)) throw error;
    return greetPlainly(address, error, options);
  }
}

async function greetPlainly(address: string, first: RegistryError, options: HostOptions): Promise<RegistryHost> {
  try {
    const host = await greet(urlOf('http', address), options);
    // So answers a TLS port to plain HTTP: TLS is spoken there, and the first failure is the real one.
    if (host.greeting.status !== 400) return host;
  } catch (second) {
    // When neither answers, the first failure is the one to tell, except that "does not speak TLS" would mislead.
    throw first.code === 'tls' || first.code === 'connection-lost' ? second : first;
  }
  throw first;
}

async function greet(base: URL, options: HostOptions): Promise<RegistryHost> {
  const { exchange, purpose, patience, signal, isInsecure, parallelBlobs } = options;
  const request = { method: 'GET', url: new URL('/v2/', base), purpose, isRetried: 'replies', patience, signal } as const;
  const greeting = await exchange(request);
  if (isTransientStatus(greeting.status)) throw await replyError(greeting, request, '');
  discard(greeting);
  return {
    base,
    isInsecure,
    greeting,
    pullSlots: new Semaphore(parallelBlobs),
    pushSlots: new Semaphore(parallelBlobs),
    blobHomes: new Map(),
  };
}

function urlOf(scheme: 'http' | 'https', address: string): URL {
  const url = parseUrl(`${scheme}://${address}/`);
  if (url !== undefined) return url;
  throw new RegistryError('reference-invalid', `Cannot use registry "${address}": it is not a host name`, { side: 'client' });
}

function mayFallBack(error: unknown, url: URL, options: HostOptions): error is RegistryError {
  if (!(error instanceof RegistryError) || !(options.isInsecure || isLoopback(url.hostname))) return false;
  return ['tls', 'connection-lost', 'connection-refused', 'timeout'].includes(error.code);
}

/** Sends with the registry's kind of authorization. */
export function authorizerFor(
  host: RegistryHost,
  exchange: Exchange,
  findCredentials: () => Promise<Credentials | undefined>,
): Authorizer {
  const { base: registry, isInsecure, greeting } = host;
  const authorizer = new Authorizer({ registry, isInsecure, exchange, findCredentials });
  if (greeting.status === 401) authorizer.remember(greeting);
  return authorizer;
}
