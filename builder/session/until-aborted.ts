import { orAborted } from '../../registry/http/or-aborted.ts';

/**
 * The items of a source, until the signal is aborted: then its reason is thrown at once, also while the source waits for whoever
 * produces it. What the source does afterwards is not waited for.
 */
export async function* untilAborted<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T, void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      const result = await orAborted(iterator.next(), signal);
      if (result.done === true) return;
      yield result.value;
    }
  } finally {
    // One that is in the middle of waiting answers when its producer does, which may be never.
    iterator.return?.().catch(() => undefined);
  }
}
