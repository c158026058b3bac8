#!/usr/bin/env node
import { runCommand } from './cli/run-command.ts';
import { exitCodeOfSignal, Interrupted } from './interruption.ts';

// The only file that touches the process: arguments, streams, signals, exit code.

const controller = new AbortController();

process.on('SIGINT', stop);
process.on('SIGTERM', stop);
// A terminal that was closed, a connection that was lost. SIGQUIT stays what people send to end a process without ceremony.
process.on('SIGHUP', stop);
process.stdout.on('error', onOutputError);
process.stderr.on('error', onOutputError);

// Not awaited at the top level: an ES module that waits for ever ends the process with code 13.
void runToExit();

async function runToExit(): Promise<void> {
  process.exitCode = await run();
  // What is left now are sockets kept alive and timers, never work: everything that writes was awaited.
  if (process.exitCode !== 0) process.exit();
}

async function run(): Promise<number> {
  try {
    return await runCommand({
      argv: process.argv.slice(2),
      environment: process.env,
      stdin: process.stdin,
      stdout: process.stdout,
      stderr: process.stderr,
      signal: controller.signal,
    });
  } catch (error) {
    const [{ report }, { exitCodeOf }, { identify }] = await Promise.all([
      import('./report.ts'),
      import('./exit-code.ts'),
      import('./known-error.ts'),
    ]);
    const { hasColours } = await import('./cli/colours.ts');
    process.stderr.write(report(error, { hasColours: hasColours(process.stderr, process.env) }));
    return exitCodeOf(identify(error));
  }
}

// The first signal lets the build clean up; the second one ends the process, and with it the worker and every mount.
function stop(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP'): void {
  if (controller.signal.aborted) process.exit(exitCodeOfSignal[signal]);
  controller.abort(new Interrupted(signal));
}

// The reader went away (`tsbuild -o - . | head`): nobody wants the rest.
function onOutputError(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  controller.abort(new Interrupted('SIGPIPE'));
}
