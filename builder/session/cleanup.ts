/** What must be given back when something ends, last first. (`AsyncDisposableStack` without its runtime, which Node 20 lacks.) */
export class Cleanup implements AsyncDisposable {
  readonly #actions: (() => void | Promise<void>)[] = [];

  /** Runs `action` at the end. */
  defer(action: () => void | Promise<void>): void {
    this.#actions.push(action);
  }

  /** Disposes a resource at the end, and gives it back. */
  use<T extends AsyncDisposable>(resource: T): T {
    this.defer(async () => {
      await resource[Symbol.asyncDispose]();
    });
    return resource;
  }

  /** Runs everything, whatever fails; throws the first failure. */
  async [Symbol.asyncDispose](): Promise<void> {
    const failures: unknown[] = [];
    for (let action = this.#actions.pop(); action !== undefined; action = this.#actions.pop()) {
      try {
        await action();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
