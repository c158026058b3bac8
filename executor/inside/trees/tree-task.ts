/** Work step by step. What it gives is work that comes first: so a tree may be deeper than a stack. */
export interface TreeTask extends Generator<TreeTask | undefined, void, undefined> {}

/** Does all of some work at once. What fails is thrown through those who wait for it, so that they clean up. */
export function finish(work: TreeTask): void {
  const waiting: TreeTask[] = [work];
  let failure: { readonly error: unknown } | undefined;
  for (let last = waiting.at(-1); last !== undefined; last = waiting.at(-1)) {
    try {
      const next = failure === undefined ? last.next() : last.throw(failure.error);
      failure = undefined;
      if (next.done === true) waiting.pop();
      else if (next.value !== undefined) waiting.push(next.value);
    } catch (error) {
      waiting.pop();
      failure = { error };
    }
  }
  if (failure !== undefined) throw failure.error;
}

/** The same for what has no parts. */
export function* inOne(steps: Generator<void, unknown, undefined>): TreeTask {
  for (const _ of steps) yield undefined;
}
