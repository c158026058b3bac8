/** Warnings of which each is worth saying once, however many commands it concerns. */
export class ToldOnce {
  readonly #told = new Set<string>();

  tell(message: string, warn: (message: string) => void): void {
    if (!this.#told.has(message)) warn(message);
    this.#told.add(message);
  }
}
