/**
 * What a promise gives, unless the signal is aborted before: then its reason is thrown at once. Listens anew each time: a promise that many races
 * share would keep what each of them left on it.
 */
export function orAborted<T>(pending: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    pending.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
