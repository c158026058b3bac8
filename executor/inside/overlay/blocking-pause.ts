const never = new Int32Array(new SharedArrayBuffer(4));

/** Blocks this thread, for what is made within a call that cannot be awaited. */
export function blockFor(milliseconds: number): void {
  Atomics.wait(never, 0, 0, milliseconds);
}
