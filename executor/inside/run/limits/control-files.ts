import type { CommandLimits } from '../../../protocol/command-limits.ts';

/** A file of a control group and what is written into it. (Documentation/admin-guide/cgroup-v2.rst) */
export interface ControlFile {
  readonly name: string;
  readonly value: string;
  /** What asks for it; undefined: it goes with another one, and kernels without it do without. */
  readonly flag: string | undefined;
}

/** The files that hold a command to its limits. Pure. */
export function controlFiles(limits: CommandLimits): readonly ControlFile[] {
  const { pids, cpusetCpus, cpusetMems } = limits;
  return [
    ...memoryFiles(limits),
    ...(pids === undefined ? [] : [file('pids.max', String(pids), '--pids-limit')]),
    ...cpuFiles(limits),
    ...(cpusetCpus === undefined ? [] : [file('cpuset.cpus', cpusetCpus, '--cpuset-cpus')]),
    ...(cpusetMems === undefined ? [] : [file('cpuset.mems', cpusetMems, '--cpuset-mems')]),
  ];
}

/** All of a command ends when memory runs out, since one that goes on without some of its processes may leave half of a result. */
function memoryFiles({ memoryBytes, memorySwapBytes = (memoryBytes ?? 0) * 2 }: CommandLimits): readonly ControlFile[] {
  if (memoryBytes === undefined) return [];
  const swap = memorySwapBytes < 0 ? 'max' : String(memorySwapBytes - memoryBytes);
  return [
    file('memory.max', String(memoryBytes), '--memory'),
    file('memory.swap.max', swap, undefined),
    file('memory.oom.group', '1', undefined),
  ];
}

const usualPeriod = 100_000;

function cpuFiles({
  cpuQuotaMicroseconds,
  cpuPeriodMicroseconds = usualPeriod,
  cpuShares,
}: CommandLimits): readonly ControlFile[] {
  const max = `${cpuQuotaMicroseconds ?? 'max'} ${cpuPeriodMicroseconds}`;
  return [
    ...(cpuQuotaMicroseconds === undefined ? [] : [file('cpu.max', max, '--cpus')]),
    ...(cpuShares === undefined ? [] : [file('cpu.weight', String(weightOf(cpuShares)), '--cpu-shares')]),
  ];
}

/** Shares are 2 to 262144, weights 1 to 10000: as runtimes turn the one into the other. */
function weightOf(shares: number): number {
  return 1 + Math.floor(((Math.min(262_144, Math.max(2, shares)) - 2) * 9999) / 262_142);
}

function file(name: string, value: string, flag: string | undefined): ControlFile {
  return { name, value, flag };
}

/** The controller whose file it is: the word before the dot. */
export function controllerOf({ name }: ControlFile): string {
  return name.slice(0, name.indexOf('.'));
}
