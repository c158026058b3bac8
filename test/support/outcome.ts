import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { buffer, text } from 'node:stream/consumers';

/** What a command said when it had ended. */
export interface Finished {
  readonly exit: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stdoutBytes: Buffer;
  readonly stderr: string;
}

/** The same, where the text is made only for those who look at it: of an archive that takes longer than all else in a test. */
export function finishedOf(end: Omit<Finished, 'stdout'>): Finished {
  return {
    ...end,
    get stdout() {
      return end.stdoutBytes.toString();
    },
  };
}

/** What is expected of a command that fails. */
export interface ExpectedFailure {
  readonly exit: number;
  /** All of it, or parts of it. */
  readonly stderr?: string | RegExp | readonly RegExp[];
}

/** A command that runs, and what is expected of it. */
export class Outcome {
  readonly #child: ChildProcess | undefined;
  readonly #command: readonly string[];
  readonly #finished: Promise<Finished>;

  /** Of a process of its own, or of what a resident program has told. */
  constructor(running: ChildProcess | Promise<Finished>, command: readonly string[]) {
    this.#child = running instanceof Promise ? undefined : running;
    this.#command = command;
    this.#finished = running instanceof Promise ? running : collect(running);
    // Whoever awaits it later gets the failure; until then it is not unhandled.
    this.#finished.catch(() => undefined);
  }

  /** The process that runs the command alone. */
  get child(): ChildProcess {
    return this.#child ?? assert.fail('A command in a resident program is no process of its own');
  }

  /** Waits for the end, whatever it is. */
  finished(): Promise<Finished> {
    return this.#finished;
  }

  /** Waits for the end, which must be exit code 0. */
  async succeeds(): Promise<Finished> {
    const finished = await this.#finished;
    if (finished.exit !== 0) assert.fail(this.#describe('It should have succeeded', finished));
    return finished;
  }

  /** Waits for the end, which must be this exit code, with this on standard error. */
  async fails({ exit, stderr = [] }: ExpectedFailure): Promise<Finished> {
    const finished = await this.#finished;
    if (finished.exit !== exit) assert.fail(this.#describe(`It should have failed with exit code ${exit}`, finished));
    if (typeof stderr === 'string') assert.equal(finished.stderr, stderr);
    else for (const pattern of stderr instanceof RegExp ? [stderr] : stderr) assert.match(finished.stderr, pattern);
    assert.doesNotMatch(finished.stderr, exit === 70 ? /$^/ : /This is a bug in tsbuild/);
    return finished;
  }

  /** Waits until standard error has shown something; fails when the command ends before. */
  async shows(pattern: RegExp): Promise<void> {
    let seen = '';
    await new Promise<void>((resolve, reject) => {
      this.child.stderr?.on('data', (chunk: Buffer) => {
        seen += chunk.toString();
        if (pattern.test(seen)) resolve();
      });
      this.child.once('close', () => reject(new Error(`It ended without showing ${pattern}:\n${seen}`)));
    });
  }

  #describe(what: string, { exit, signal, stdout, stderr }: Finished): string {
    const shown = stdout.length > 2000 ? `${stdout.slice(0, 2000)}...` : stdout;
    return `${what}, but ended with ${signal ?? exit}: ${this.#command.join(' ')}\n--- stdout\n${shown}\n--- stderr\n${stderr}`;
  }
}

async function collect(child: ChildProcess): Promise<Finished> {
  if (child.stdout === null || child.stderr === null) throw new Error('Cannot collect output: the process has no pipes');
  const [stdoutBytes, stderr] = await Promise.all([buffer(child.stdout), text(child.stderr), ended(child)]);
  return finishedOf({ exit: child.exitCode, signal: child.signalCode, stdoutBytes, stderr });
}

async function ended(child: ChildProcess): Promise<void> {
  await once(child, 'close');
}
