import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

/** How a command is measured. */
export interface Command {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly uid?: number;
  readonly gid?: number;
}

/** A command that failed; a bench without it still says something. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
}

const longestMs = 900_000;
const interruption = new AbortController();

/** Ends the command that is running; it and each later one throws the reason. */
export function interruptCommands(reason: Error): void {
  interruption.abort(reason);
}

/** Wall time of a command in milliseconds. @throws CommandFailed with the end of what it said */
export async function timeOf(command: Command): Promise<number> {
  const startMs = performance.now();
  await outputOf(command);
  return performance.now() - startMs;
}

/** What a command prints. @throws CommandFailed with the end of what it said */
export async function outputOf({ argv: [program = '', ...args], ...options }: Command): Promise<string> {
  interruption.signal.throwIfAborted();
  const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'], timeout: longestMs });
  const end = (): boolean => child.kill('SIGTERM');
  interruption.signal.addEventListener('abort', end);
  try {
    const [stdout, stderr, [code, signal]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
    interruption.signal.throwIfAborted();
    if (code === 0) return stdout;
    const said = `${stdout}${stderr}`.trim().slice(-400);
    throw new CommandFailed(`${program} ${args[0] ?? ''} failed: ${said === '' ? `it ended with ${code ?? signal}` : said}`);
  } catch (error) {
    throw isMissingProgram(error) ? new CommandFailed(`${program} is not installed`) : error;
  } finally {
    interruption.signal.removeEventListener('abort', end);
  }
}

/** A command as who runs the bench. */
export function ownCommand(...argv: readonly string[]): Command {
  return { argv, cwd: '/', env: process.env };
}

/** The middle one of some numbers. */
export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function isMissingProgram(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
