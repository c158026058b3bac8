import { discard, type Exchange, type HttpRequest, type HttpResponse, headersOf } from '../http/exchange.ts';
import { type Challenge, parseChallenges, preferredChallenge } from './challenge.ts';
import type { Credentials } from './credentials.ts';
import { basicHeader, requestToken, type Token } from './token.ts';

export interface AuthorizerOptions {
  /** Where the registry is; credentials go to this origin and to its token service, nowhere else. */
  readonly registry: URL;
  readonly isInsecure: boolean;
  /** Sends to registry and token service, without authorization. */
  readonly exchange: Exchange;
  /** Looked up once, when the registry first asks. */
  readonly findCredentials: () => Promise<Credentials | undefined>;
}

/** Answers one registry's challenges and keeps its tokens. */
export class Authorizer {
  readonly #options: AuthorizerOptions;
  readonly #tokens = new Map<string, Promise<Token>>();
  #challenge: Challenge | undefined;
  #credentials: Promise<Credentials | undefined> | undefined;

  constructor(options: AuthorizerOptions) {
    this.#options = options;
  }

  /** Keeps the challenge of a 401 for the requests to come: some registries send it only with the first. */
  remember(response: HttpResponse): void {
    this.#challenge = preferredChallenge(parseChallenges(headersOf(response, 'www-authenticate'))) ?? this.#challenge;
  }

  /** Sends with authorization; after a 401 it signs in again and repeats the request once. */
  readonly exchange: Exchange = async (request) => {
    if (request.url.origin !== this.#options.registry.origin) return this.#options.exchange(request);
    const header = await this.#headerFor(request);
    const response = await this.#options.exchange(withHeader(request, header));
    if (response.status !== 401 || response.url.origin !== request.url.origin) return response;
    this.remember(response);
    const second = await this.#renewedHeader(request, header);
    if (second === undefined || second === header) return response;
    discard(response);
    return this.#options.exchange(withHeader(request, second));
  };

  async #headerFor(request: HttpRequest): Promise<string | undefined> {
    if (this.#challenge === undefined) return undefined;
    const credentials = await this.#findCredentials();
    if (credentials?.kind === 'registry-token') return `Bearer ${credentials.secret}`;
    if (this.#challenge.scheme === 'basic') return credentials && basicHeader(credentials);
    return `Bearer ${(await this.#token(this.#challenge, request)).value}`;
  }

  async #renewedHeader(request: HttpRequest, refused: string | undefined): Promise<string | undefined> {
    const key = scopesOf(this.#challenge, request).join(' ');
    const pending = this.#tokens.get(key);
    const known = await settled(pending);
    // Another request may have been refused with the same token and have renewed it already.
    if (known !== undefined && `Bearer ${known.value}` === refused && this.#tokens.get(key) === pending) this.#tokens.delete(key);
    return this.#headerFor(request);
  }

  #findCredentials(): Promise<Credentials | undefined> {
    this.#credentials ??= this.#options.findCredentials();
    return this.#credentials;
  }

  async #token(challenge: Challenge, request: HttpRequest): Promise<Token> {
    const scopes = scopesOf(challenge, request);
    const key = scopes.join(' ');
    const pending = this.#tokens.get(key);
    const known = pending && (await settled(pending));
    if (known !== undefined && known.expiresAtMs > performance.now()) return known;
    if (this.#tokens.get(key) !== pending) return this.#token(challenge, request);
    const asked = this.#requestToken(challenge, scopes, request);
    this.#tokens.set(key, asked);
    // A failure is not remembered: the next request may be luckier, and each must fail by its own purpose.
    asked.catch(() => {
      if (this.#tokens.get(key) === asked) this.#tokens.delete(key);
    });
    return asked;
  }

  async #requestToken({ parameters }: Challenge, scopes: readonly string[], request: HttpRequest): Promise<Token> {
    return requestToken(this.#options.exchange, {
      realm: parameters.get('realm') ?? '',
      service: parameters.get('service'),
      scopes,
      credentials: await this.#findCredentials(),
      registry: this.#options.registry,
      isInsecure: this.#options.isInsecure,
      purpose: request.purpose,
      signal: request.signal,
    });
  }
}

/** A token that another request asked for; its failure is that request's. */
async function settled(pending: Promise<Token> | undefined): Promise<Token | undefined> {
  return pending?.catch(() => undefined);
}

/** What the request needs, in one order; the challenge's own scope only where the caller named none. */
function scopesOf(challenge: Challenge | undefined, request: HttpRequest): readonly string[] {
  const asked = challenge?.parameters.get('scope');
  const own = request.scopes ?? [];
  return (own.length > 0 || asked === undefined ? [...own] : asked.split(' ')).toSorted();
}

function withHeader(request: HttpRequest, authorization: string | undefined): HttpRequest {
  return authorization === undefined ? request : { ...request, headers: { ...request.headers, authorization } };
}
