import { readFileSync } from 'node:fs';

const ticksPerSecond = 100;

/** The processes that one has started and that still run. */
export function childrenOf(pid: number): readonly number[] {
  return textOf(`/proc/${pid}/task/${pid}/children`)
    .split(' ')
    .map(Number)
    .filter((child) => child > 0);
}

/** What the processes below one have taken of the processor so far. (proc_pid_stat(5), utime to cstime) */
export function secondsBelow(pid: number): number {
  return childrenOf(pid).reduce((sum, child) => sum + secondsOf(child) + secondsBelow(child), 0);
}

function secondsOf(pid: number): number {
  // The name before may have spaces and brackets.
  const fields = textOf(`/proc/${pid}/stat`).split(') ').at(-1)?.split(' ') ?? [];
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / ticksPerSecond;
}

// It may have ended in the meantime.
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
