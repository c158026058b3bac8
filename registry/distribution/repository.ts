import { formatReference, type RepositoryName } from '../address/reference.ts';
import type { HttpBody, HttpMethod, HttpRequest, HttpResponse } from '../http/exchange.ts';
import { discard, type Exchange, headersOf } from '../http/exchange.ts';
import type { Patience } from '../http/patience.ts';
import { replyError } from '../http/reply-error.ts';
import type { RegistryHost } from './host.ts';

/** How a server answers HEAD when it knows GET alone. (RFC 9110, 15.5.6 and 15.6.2) */
export const withoutHead: readonly number[] = [405, 501];

/** One request below `/v2/<repository>/`. */
export interface RepositoryRequest {
  readonly method: HttpMethod;
  /** Below the repository (`manifests/latest`), or the URL that a registry gave for an upload. */
  readonly target: string | URL;
  /** After "Cannot". */
  readonly purpose: string;
  /** The statuses that are no failure. */
  readonly expected: readonly number[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: HttpBody;
  readonly actions?: 'pull' | 'pull,push';
  /** For mounts: what else the token must allow. */
  readonly moreScopes?: readonly string[];
  readonly isRetried?: boolean;
  /** See HttpRequest. */
  readonly patience?: Patience;
  readonly outlivesAbort?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** A repository of a registry that has answered. */
export class Repository {
  readonly name: RepositoryName;
  readonly host: RegistryHost;
  readonly #exchange: Exchange;
  readonly #onWarning: (text: string) => void;

  constructor(name: RepositoryName, options: { host: RegistryHost; exchange: Exchange; onWarning: (text: string) => void }) {
    this.name = name;
    this.host = options.host;
    this.#exchange = options.exchange;
    this.#onWarning = options.onWarning;
  }

  /** `host/name`, for messages. */
  get title(): string {
    return formatReference(this.name);
  }

  /** Sends a request; resolves only with an expected status. The caller reads or discards the body. @throws RegistryError */
  async request(request: RepositoryRequest): Promise<HttpResponse> {
    const sent = this.#httpRequest(request);
    const response = await this.#exchange(sent);
    this.#showWarnings(response);
    if (request.expected.includes(response.status)) return response;
    throw await replyError(response, sent, this.name.repository);
  }

  /** As `request`, for replies of which only status and headers count. */
  async send(request: RepositoryRequest): Promise<HttpResponse> {
    const response = await this.request(request);
    discard(response);
    return response;
  }

  #httpRequest(request: RepositoryRequest): HttpRequest {
    const {
      target,
      actions = 'pull',
      moreScopes = [],
      method,
      purpose,
      isRetried = true,
      patience,
      outlivesAbort = false,
      signal,
    } = request;
    const url = typeof target === 'string' ? new URL(`/v2/${this.name.repository}/${target}`, this.host.base) : target;
    return {
      method,
      url,
      purpose,
      isRetried,
      outlivesAbort,
      signal,
      // A location of an upload is what a reply says.
      ...(typeof target === 'string' ? {} : { namedBy: this.host.base }),
      scopes: [`repository:${this.name.repository}:${actions}`, ...moreScopes],
      ...(patience === undefined ? {} : { patience }),
      ...(request.headers === undefined ? {} : { headers: request.headers }),
      ...(request.body === undefined ? {} : { body: request.body }),
    };
  }

  /** (distribution-spec, "Warnings": shown, never obeyed) */
  #showWarnings(response: HttpResponse): void {
    for (const header of headersOf(response, 'warning')) {
      const text = /^299 \S+ "((?:[^"\\]|\\.)*)"/.exec(header)?.[1];
      if (text !== undefined) this.#onWarning(`${response.url.host} says: ${text.replace(/\\(.)/g, '$1')}`);
    }
  }
}
