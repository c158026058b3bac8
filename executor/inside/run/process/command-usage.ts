import type { ResourceUsage } from '../../../../native/processes.ts';
import type { CommandUsage } from '../../../protocol/command-usage.ts';

/** The most memory that this process has had. */
export function ownPeakBytes(): number {
  return process.resourceUsage().maxRSS * 1024;
}

/**
 * What a command took by what the kernel tells of its first process and those that were waited for: what is still there when the command ends, and is
 * killed with it, does not count (zap_pid_ns_processes() in kernel/pid_namespace.c). The first process was a clone with the worker's memory before it was the command, and begins
 * with the peak of that (exec_mmap() in fs/exec.c): so of a command that never had more, nobody knows how much it had. `callersPeakBytes` is the
 * worker's own peak, once the command has begun.
 */
export function commandUsage({ processorMicroseconds, peakBytes }: ResourceUsage, callersPeakBytes: number): CommandUsage {
  const processorMs = Math.round(processorMicroseconds / 1000);
  if (peakBytes <= callersPeakBytes) return { processorMs };
  return { processorMs, memory: { peakBytes, of: 'largest-process' } };
}
