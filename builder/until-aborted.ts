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

/** Listens anew for each item: a promise that many races share would keep what each of them left on it. */
function orAborted<T>(pending: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    pending.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
