import type { ChildProcess } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { UserKind } from '../../../support/users.ts';
import { startScript } from '../../host/run-script.ts';

/** A script that runs as root of a user's namespaces, and answers each line of JSON with another. */
export class LineWorker implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #complaints = '';

  /** `entry` is the compiled script. The store is a new folder unless one is given; it is gone after disposal. */
  constructor(entry: URL, user: UserKind, storeRoot?: string) {
    const relay = fileURLToPath(new URL('./line-relay.js', import.meta.url));
    this.#child = startScript(relay, {
      user,
      args: [fileURLToPath(entry), ...(storeRoot === undefined ? [] : [storeRoot])],
      stdin: 'pipe',
    });
    this.#child.stderr?.on('data', (bytes: Buffer) => {
      this.#complaints += bytes.toString();
    });
    this.#lines = linesOf(this.#child)[Symbol.asyncIterator]();
  }

  /** Sends a question and waits for the text of its answer. Throws when the worker has died. */
  async ask(question: unknown): Promise<string> {
    this.#child.stdin?.write(`${JSON.stringify(question)}\n`);
    const { value, done } = await this.#lines.next();
    if (done === true) {
      throw new Error(`The worker is gone: ${this.#complaints}`);
    }
    return value;
  }

  /** Ends the script that started the worker, at once and without a word. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => {
      this.#child.once('close', resolve);
    });
    this.#child.stdin?.end();
    if (this.#child.exitCode === null && this.#child.signalCode === null) await ended;
  }
}

function linesOf(child: ChildProcess): Interface {
  if (child.stdout === null) throw new Error('The relay has no standard output');
  return createInterface({ input: child.stdout });
}
