import { setTimeout as delay } from 'node:timers/promises';
import { RegistryError } from '../errors/registry-error.ts';
import { discard, type Exchange, type HttpRequest, type HttpResponse, headerOf } from './exchange.ts';
import { Patience, type PatienceOptions } from './patience.ts';

export interface RetryOptions extends PatienceOptions {
  /** The longest pause that a registry may ask for by Retry-After, in milliseconds; longer ones fail at once. */
  readonly longestPauseMs: number;
  readonly onNotice: (message: string) => void;
}

/** Sends again what failed in passing: 408, 425, 429, 5xx, broken connections. Waits as Retry-After says. */
export function retrying(exchange: Exchange, options: RetryOptions): Exchange {
  return async (request) => {
    const patience = request.patience ?? new Patience(options);
    for (;;) {
      const outcome = await attemptOnce(exchange, request);
      const next = mayBeRetried(request, outcome) ? pauseAfter(outcome, patience, options) : undefined;
      if (next === undefined) return settle(outcome);
      if ('response' in outcome) discard(outcome.response);
      if (next.pauseMs >= noticedPauseMs) options.onNotice(noticeOf(request.url.host, next));
      await pauseFor(next.pauseMs, request.signal);
    }
  };
}

/** True for what may be better the next time. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof RegistryError)) return false;
  if (error.status !== undefined) return isTransientStatus(error.status);
  return error.code === 'connection-lost' || error.code === 'timeout';
}

/** Waits; rejects with the signal's reason when it is aborted meanwhile. */
export async function pauseFor(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await delay(milliseconds, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}

/** Retry-After in milliseconds: seconds, or a date, which is counted from the reply's own Date so that clocks may differ. */
export function retryAfterMs(response: HttpResponse): number | undefined {
  const text = headerOf(response, 'retry-after')?.trim();
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  const now = Date.parse(headerOf(response, 'date') ?? '');
  return Number.isNaN(date) ? undefined : Math.max(0, date - (Number.isNaN(now) ? Date.now() : now));
}

/** Shorter pauses are not worth a word. */
const noticedPauseMs = 5000;

interface Pause {
  readonly pauseMs: number;
  /** The server said how long. */
  readonly isAsked: boolean;
}

function noticeOf(host: string, { pauseMs, isAsked }: Pause): string {
  const seconds = Math.ceil(pauseMs / 1000);
  return isAsked
    ? `${host} asks to wait ${seconds} s`
    : `${host} does not answer as it should; it is asked again in ${seconds} s`;
}

type Outcome = { readonly response: HttpResponse } | { readonly error: unknown };

async function attemptOnce(exchange: Exchange, request: HttpRequest): Promise<Outcome> {
  try {
    return { response: await exchange(request) };
  } catch (error) {
    return { error };
  }
}

function settle(outcome: Outcome): HttpResponse {
  if ('error' in outcome) throw outcome.error;
  return outcome.response;
}

function mayBeRetried({ isRetried = true }: HttpRequest, outcome: Outcome): boolean {
  return isRetried === 'replies' ? 'response' in outcome : isRetried;
}

function pauseAfter(outcome: Outcome, patience: Patience, options: RetryOptions): Pause | undefined {
  const isForNow = 'error' in outcome ? isTransient(outcome.error) : isTransientStatus(outcome.response.status);
  if (!isForNow) return undefined;
  const usual = patience.afterFailure();
  const asked = 'error' in outcome ? undefined : retryAfterMs(outcome.response);
  if (usual === undefined) return undefined;
  if (asked === undefined) return { pauseMs: usual, isAsked: false };
  return asked > options.longestPauseMs ? undefined : { pauseMs: Math.max(asked, options.backoffMs), isAsked: true };
}

/** True for statuses that may be others the next time. */
export function isTransientStatus(status: number): boolean {
  // 501 and 505 say that the server will never do it.
  return status === 408 || status === 425 || status === 429 || (status >= 500 && status !== 501 && status !== 505);
}
