/**
 * Does something with every item at once. The first failure aborts the others, and is thrown when all have ended, so that nothing is left
 * running behind an error.
 */
export async function allOrFirstFailure<T>(
  items: readonly T[],
  signal: AbortSignal | undefined,
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const controller = new AbortController();
  const joined = signal === undefined ? controller.signal : AbortSignal.any([signal, controller.signal]);
  const failures: unknown[] = [];
  const guarded = async (item: T): Promise<void> => {
    try {
      await work(item, joined);
    } catch (error) {
      failures.push(error);
      controller.abort(error);
    }
  };
  await Promise.all(items.map(guarded));
  if (failures.length > 0) throw failures[0];
}
