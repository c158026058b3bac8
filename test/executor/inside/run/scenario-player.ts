import { isDeepStrictEqual } from 'node:util';
import type { UserKind } from '../../../support/users.ts';
import { LineWorker } from './line-worker.ts';
import type { Outcome, Scenario } from './scenario.ts';

/** Plays scenarios in a worker of a user, one after the other. */
export class ScenarioPlayer implements AsyncDisposable {
  readonly #worker: LineWorker;

  constructor(user: UserKind, storeRoot?: string) {
    this.#worker = new LineWorker(new URL('./scenario-worker.js', import.meta.url), user, storeRoot);
  }

  /** Plays one. Throws when the worker itself fails, or when something is left over. */
  async play(scenario: Scenario): Promise<Outcome> {
    const answer: Outcome | { crash: string } = JSON.parse(await this.#worker.ask(scenario));
    if ('crash' in answer) throw new Error(answer.crash);
    if (!isDeepStrictEqual([answer.mounts, answer.leftovers], [[], []])) {
      throw new Error(`Something was left over: ${JSON.stringify([answer.mounts, answer.leftovers])}`);
    }
    return answer;
  }

  /** Ends the program that the worker belongs to, at once and without a word. */
  kill(): void {
    this.#worker.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker[Symbol.asyncDispose]();
  }
}
