/** Ends everything at the first failure, or when the caller wants it. */
export class FirstFailure {
  readonly callerSignal: AbortSignal | undefined;
  /** Aborted by the caller or by the first failure. */
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  #error: unknown;

  constructor(callerSignal: AbortSignal | undefined) {
    this.callerSignal = callerSignal;
    const own = this.#controller.signal;
    this.signal = callerSignal === undefined ? own : AbortSignal.any([own, callerSignal]);
  }

  /** What failed first; undefined while nothing has. */
  get error(): unknown {
    return this.#error;
  }

  /** Only the first one counts: what fails afterwards fails because of it. */
  fail(error: unknown): void {
    if (this.#controller.signal.aborted || this.callerSignal?.aborted === true) return;
    this.#error = error;
    this.#controller.abort(error);
  }
}
