/** How far the thread may be ahead of its reader, in chunks. */
const mostUnused = 16;

const sentInputs = 0;
const unusedOutputs = 1;

/** What a decompressing thread and its reader know of each other in shared memory, so that the thread can wait by blocking. */
export class Ledger {
  readonly shared: Int32Array<SharedArrayBuffer>;

  constructor(shared: Int32Array<SharedArrayBuffer> = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT))) {
    this.shared = shared;
  }

  /** By the reader, after each input. */
  sent(): void {
    Atomics.add(this.shared, sentInputs, 1);
    Atomics.notify(this.shared, sentInputs);
  }

  /** By the reader, for each output. */
  used(): void {
    Atomics.sub(this.shared, unusedOutputs, 1);
    Atomics.notify(this.shared, unusedOutputs);
  }

  /** By the thread: asks until there is an answer, and sleeps from one input to the next. */
  waitFor<T>(receive: () => T | undefined): T {
    for (;;) {
      const before = Atomics.load(this.shared, sentInputs);
      const received = receive();
      if (received !== undefined) return received;
      Atomics.wait(this.shared, sentInputs, before);
    }
  }

  /** By the thread, after each output: sleeps while the reader is far behind. */
  emitted(): void {
    let unused = Atomics.add(this.shared, unusedOutputs, 1) + 1;
    while (unused >= mostUnused) {
      Atomics.wait(this.shared, unusedOutputs, unused);
      unused = Atomics.load(this.shared, unusedOutputs);
    }
  }
}
