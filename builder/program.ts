import { setImmediate as nextTurn } from 'node:timers/promises';
import { troubleOf } from '../cache/files/errors.ts';
import { commandNameOf, runCommand } from './cli/run-command.ts';
import { OutputError } from './contract/errors.ts';
import { exitCode } from './report/exit-code.ts';
import { exitCodeOfSignal, Interrupted } from './session/interruption.ts';
import { systemWords } from './show/system-reason.ts';

// The only file that touches the process: arguments, streams, signals, exit code.

const controller = new AbortController();

process.on('SIGINT', stop);
process.on('SIGTERM', stop);
// A terminal that was closed, a connection that was lost. SIGQUIT stays what people send to end a process without ceremony.
process.on('SIGHUP', stop);
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') onReaderGone();
  else onLostResult(error);
});
process.stderr.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever writes the log to a full disk still wants the build.
  if (error.code === 'EPIPE') onReaderGone();
});

/** Why standard output is not whole. */
let lost: OutputError | undefined;

// Not awaited at the top level: an ES module that waits for ever ends the process with code 13.
void runToExit();

async function runToExit(): Promise<void> {
  process.exitCode = await run();
  // What is left now are sockets kept alive and timers, never work: everything that writes was awaited.
  if (process.exitCode !== 0) process.exit();
}

async function run(): Promise<number> {
  try {
    const code = await runCommand({
      argv: process.argv.slice(2),
      environment: process.env,
      stdin: process.stdin,
      stdout: process.stdout,
      stderr: process.stderr,
      signal: controller.signal,
    });
    // What was written last fails after the command has ended.
    await nextTurn();
    return lost === undefined ? code : await tell(lost);
  } catch (error) {
    return await tell(error);
  }
}

async function tell(thrown: unknown): Promise<number> {
  try {
    const [{ report }, { exitCodeOf }, { hasColours }] = await Promise.all([
      import('./report/report.ts'),
      import('./report/exit-code-of.ts'),
      import('./show/colours.ts'),
    ]);
    const command = commandNameOf(process.argv.slice(2));
    process.stderr.write(report(thrown, { hasColours: hasColours(process.stderr, process.env), command }));
    return exitCodeOf(thrown);
  } catch (failure) {
    // Where no file can be opened, the program's own cannot either.
    const trouble = troubleOf(thrown) ?? troubleOf(failure);
    if (trouble === undefined) throw failure;
    process.stderr.write(`error: ${trouble.message}\nhint: ${trouble.hint ?? ''}\n`);
    return exitCode.store;
  }
}

// The first signal lets the build clean up; the second one ends the process, and with it the worker and every mount.
function stop(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP'): void {
  if (controller.signal.aborted) process.exit(exitCodeOfSignal[signal]);
  controller.abort(new Interrupted(signal));
}

// The reader went away (`tsbuild -o - . | head`): nobody wants the rest.
function onReaderGone(): void {
  controller.abort(new Interrupted('SIGPIPE'));
}

function onLostResult(error: NodeJS.ErrnoException): void {
  lost ??= new OutputError('-', `Cannot write to standard output: ${systemWords(error)}`, { cause: error });
  controller.abort(lost);
}
