import { Readable, Writable } from 'node:stream';
import { commandNameOf, runCommand } from '../../../builder/cli/run-command.ts';
import { exitCodeOf } from '../../../builder/report/exit-code-of.ts';
import { report } from '../../../builder/report/report.ts';
import type { Command, CommandEnd } from './command.ts';

// The program, as main.ts runs it, for one command after another. Commands come as messages of the process that started this one; when that
// one ends, so does this. Only the arguments, the folder and the environment change in between, and all of these do.

process.on('message', (command: Command) => {
  void answer(command);
});
process.once('disconnect', () => process.exit());

async function answer(command: Command): Promise<void> {
  const end = await run(command);
  // The folder is removed when its test has ended.
  process.chdir('/');
  process.send?.(end);
}

async function run({ argv, cwd, environment, stdin }: Command): Promise<CommandEnd> {
  process.chdir(cwd);
  become(environment);
  const [stdout, stderr] = [new Collected(), new Collected()];
  const context = { argv, environment: process.env, stdin: Readable.from([stdin]), stdout, stderr };
  const told = async (): Promise<number> => {
    try {
      return await runCommand({ ...context, signal: new AbortController().signal });
    } catch (error) {
      stderr.write(report(error, { hasColours: false, command: commandNameOf(argv) }));
      return exitCodeOf(error);
    }
  };
  return { exit: await told(), stdout: stdout.bytes(), stderr: stderr.bytes().toString() };
}

// Not a new object: os.tmpdir() asks the process itself.
function become(environment: Readonly<Record<string, string>>): void {
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, environment);
}

/** Keeps what is written. */
class Collected extends Writable {
  readonly #chunks: Buffer[] = [];

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#chunks.push(Buffer.from(chunk));
    done();
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}
