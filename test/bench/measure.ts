import { spawnSync } from 'node:child_process';

/** How a command is measured. */
export interface Command {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly uid?: number;
  readonly gid?: number;
}

/** A command that failed; a bench without it still says something. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
}

/** Wall time of a command in milliseconds. @throws CommandFailed with the end of what it said */
export function timeOf(command: Command): number {
  const startMs = performance.now();
  outputOf(command);
  return performance.now() - startMs;
}

/** What a command prints. @throws CommandFailed with the end of what it said */
export function outputOf({ argv: [program = '', ...args], ...options }: Command): string {
  const { status, stderr, stdout, error } = spawnSync(program, args, {
    ...options,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    timeout: 180_000,
  });
  if (status !== 0) {
    throw new CommandFailed(`${program} ${args[0] ?? ''} failed: ${error?.message ?? `${stdout}${stderr}`.trim().slice(-400)}`);
  }
  return stdout;
}

/** The middle one of some numbers. */
export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
