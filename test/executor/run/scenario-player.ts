import type { ChildProcess } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import type { UserKind } from '../../support/users.ts';
import { startScript } from '../host/run-script.ts';
import type { Outcome, Scenario } from './scenario.ts';

/** Plays scenarios in a worker of a user, one after the other. */
export class ScenarioPlayer implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #complaints = '';

  constructor(user?: UserKind) {
    const script = fileURLToPath(new URL('./scenario-relay.js', import.meta.url));
    this.#child = startScript(script, { user, stdin: 'pipe' });
    this.#child.stderr?.on('data', (bytes: Buffer) => (this.#complaints += bytes.toString()));
    this.#lines = linesOf(this.#child)[Symbol.asyncIterator]();
  }

  /** Plays one. Throws when the worker itself fails, or when something is left over. */
  async play(scenario: Scenario): Promise<Outcome> {
    this.#child.stdin?.write(`${JSON.stringify(scenario)}\n`);
    const { value, done } = await this.#lines.next();
    if (done === true) {
      throw new Error(`The worker is gone: ${this.#complaints}`);
    }
    const answer: Outcome | { crash: string } = JSON.parse(value);
    if ('crash' in answer) {
      throw new Error(answer.crash);
    }
    if (!isDeepStrictEqual([answer.mounts, answer.leftovers], [[], []])) {
      throw new Error(`Something was left over: ${JSON.stringify([answer.mounts, answer.leftovers])}`);
    }
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.stdin?.end();
    await ended;
  }
}

function linesOf(child: ChildProcess): Interface {
  if (child.stdout === null) {
    throw new Error('The relay has no standard output');
  }
  return createInterface({ input: child.stdout });
}
