import type { HttpBody, HttpRequest } from './exchange.ts';
import { StallError } from './least-rate.ts';

/** A request's body and signal under watch: when the other side takes nothing for too long, the request is aborted. */
export interface StallWatch {
  readonly body: HttpBody | undefined;
  readonly signal: AbortSignal | undefined;
  /** The stall, when there was one. */
  reason(): StallError | undefined;
  end(): void;
}

/**
 * undici times what it receives, not what it sends, so that a server which stops reading would hold an upload for ever. Only bodies
 * that are streams are watched; the clock stops when the body is sent.
 */
export function watchStalls(request: HttpRequest, timeoutMs: number): StallWatch {
  const { body } = request;
  if (body === undefined || body instanceof Uint8Array) {
    return { body, signal: request.signal, reason: () => undefined, end: () => {} };
  }
  const controller = new AbortController();
  let stall: StallError | undefined;
  const timer = setTimeout(() => {
    stall = new StallError(`HOST stopped reading: nothing was taken for ${timeoutMs / 1000} s`);
    controller.abort(stall);
  }, timeoutMs);
  const watched = { size: body.size, open: async () => touching(await body.open(), timer) };
  const signal = request.signal === undefined ? controller.signal : AbortSignal.any([request.signal, controller.signal]);
  return { body: watched, signal, reason: () => stall, end: () => clearTimeout(timer) };
}

async function* touching(bytes: AsyncIterable<Uint8Array>, timer: NodeJS.Timeout): AsyncIterable<Uint8Array> {
  for await (const chunk of bytes) {
    timer.refresh();
    yield chunk;
  }
  clearTimeout(timer);
}
