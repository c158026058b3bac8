import { readFileSync } from 'node:fs';
import type { ExitStatus } from '../../../native/processes.ts';
import type { TapeProcess } from '../../../native/tape/start.ts';
import { hasErrno } from '../../../registry/oci/thrown.ts';
import { RequestCancelled } from '../request/request-context.ts';

const SIGTERM = 15;

/**
 * Waits for a process to end. When the signal is aborted it gets SIGTERM, and SIGKILL after the grace that the reason states; the
 * first process of a pid namespace takes everyone with it. (pid_namespaces(7))
 */
export async function waitOrCancel(process: TapeProcess, signal: AbortSignal): Promise<ExitStatus> {
  let timer: NodeJS.Timeout | undefined;
  const cancel = (): void => {
    if (!catchesTermination(process.pid) || !process.signal('SIGTERM')) {
      process.signal('SIGKILL');
      return;
    }
    const graceMs = signal.reason instanceof RequestCancelled ? signal.reason.graceMs : 0;
    timer = setTimeout(() => process.signal('SIGKILL'), graceMs);
  };
  signal.addEventListener('abort', cancel, { once: true });
  try {
    if (signal.aborted) cancel();
    return await process.exited;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', cancel);
  }
}

/** The first process of a pid namespace does not get signals that it has no handler for, so waiting for it would be in vain. */
function catchesTermination(pid: number): boolean {
  try {
    const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return caught !== undefined && ((BigInt(`0x${caught}`) >> BigInt(SIGTERM - 1)) & 1n) === 1n;
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ESRCH')) return false;
    throw error;
  }
}
