import type { CommandLimits } from '../../../executor/protocol/command-limits.ts';
import { UsageError } from '../../contract/errors.ts';
import type { BuildOptions, RunLimits } from '../../contract/options.ts';
import { shown } from '../../contract/shown.ts';

/** Reads what the options limit; undefined when that is nothing. @throws UsageError for limits that contradict each other */
export function commandLimits({ limits = {}, cgroupParent }: BuildOptions): CommandLimits | undefined {
  checkSwap(limits);
  const { cpus, cpuQuotaMicroseconds, ...others } = limits;
  if (cpus !== undefined && (cpuQuotaMicroseconds ?? others.cpuPeriodMicroseconds) !== undefined) {
    throw new UsageError(
      '--cpus',
      'Cannot use --cpus with --cpu-quota or --cpu-period: both say how much of the processors there is',
    );
  }
  const quota = cpus === undefined ? cpuQuotaMicroseconds : Math.max(1000, Math.round(cpus * usualPeriod));
  const read = {
    ...others,
    ...(quota !== undefined && { cpuQuotaMicroseconds: quota }),
    ...(cgroupParent !== undefined && cgroupParent !== '' && { parent: cgroupParent }),
  };
  return Object.values(read).some((value) => value !== undefined) ? read : undefined;
}

/** Microseconds. (cpu.max in Documentation/admin-guide/cgroup-v2.rst) */
const usualPeriod = 100_000;

function checkSwap({ memoryBytes, memorySwapBytes }: RunLimits): void {
  if (memorySwapBytes === undefined) return;
  if (memoryBytes === undefined) {
    throw new UsageError('--memory-swap', 'Cannot use --memory-swap without --memory: it is of memory and swap together');
  }
  if (memorySwapBytes >= 0 && memorySwapBytes < memoryBytes) {
    throw new UsageError('--memory-swap', 'Cannot use a --memory-swap below --memory: it is of memory and swap together');
  }
}

/** A list of processors or memory nodes. @throws UsageError */
export function checkNumberList(text: string, flag: string): void {
  if (/^\d{1,5}(?:-\d{1,5})?(?:,\d{1,5}(?:-\d{1,5})?)*$/.test(text)) return;
  throw new UsageError(flag, `Cannot use ${flag} ${shown(text)}: expected numbers such as 0-3,8`);
}

/** A control group from the top of the hierarchy. @throws UsageError */
export function checkGroupPath(text: string, flag: string): void {
  if (/^[^\0\n]*$/.test(text) && !text.split('/').includes('..')) return;
  throw new UsageError(flag, `Cannot use ${flag} ${shown(text)}: expected a path without ".."`);
}
