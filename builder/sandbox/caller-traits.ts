import { readFileSync } from 'node:fs';
import { errnoOf } from '../../registry/oci/thrown.ts';

/** Texts of proc(5) about a process, and about the first one of its container or machine. */
export interface ProcessTexts {
  readonly stat: string;
  readonly status: string;
  readonly limits: string;
  readonly firstStatus: string;
}

/**
 * What this process has been given that a RUN can see, that cannot be taken from it, and that is not what processes have here: it counts for
 * keys. A command under `nice`, `chrt` or `taskset` keeps to it, because whoever shares a machine out that way means the build too. Where
 * everything is as usual it is empty, so the keys are those of everybody.
 */
export function callerTraits(askedLimits: readonly string[]): readonly string[] {
  return traitsOf(
    { stat: text('self/stat'), status: text('self/status'), limits: text('self/limits'), firstStatus: text('1/status') },
    askedLimits,
  );
}

/** The same of what proc(5) says. Pure. Exported for tests. */
export function traitsOf(
  { stat, status, limits, firstStatus }: ProcessTexts,
  askedLimits: readonly string[] = [],
): readonly string[] {
  // The name of the program, in parentheses, may hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const nice = Number(fields[niceField] ?? 0);
  const policy = Number(fields[policyField] ?? 0);
  const processors = field(status, 'Cpus_allowed_list');
  const usual = field(firstStatus, 'Cpus_allowed_list') ?? processors;
  return [
    ...(nice === 0 ? [] : [`nice ${nice}`]),
    ...(policy === 0 ? [] : [`scheduling ${policy}`]),
    ...(processors === usual ? [] : [`processors ${countOf(processors ?? '')}`]),
    ...(field(status, 'NoNewPrivs') === '1' ? ['no new privileges'] : []),
    ...loweredLimits(limits).filter((limit) => !askedLimits.some((name) => limit.startsWith(`${name} `))),
  ];
}

/** In stat, counted from what follows the program's name. */
const niceField = 16;
const policyField = 38;

/**
 * Limits that no machine has by itself, with what the kernel gives everybody. Those of processes, signals, open files and locked memory differ from
 * one machine to the next like its memory, and are in no key as that is not.
 */
const unlimited: Readonly<Record<string, string>> = {
  'Max cpu time': 'cpu',
  'Max file size': 'fsize',
  'Max data size': 'data',
  'Max stack size': 'stack',
  'Max resident set': 'rss',
  'Max address space': 'as',
  'Max file locks': 'locks',
  'Max realtime timeout': 'rttime',
};

function loweredLimits(limits: string): readonly string[] {
  return Object.entries(unlimited).flatMap(([title, name]) => {
    const line = limits.split('\n').find((candidate) => candidate.startsWith(title));
    const [, hard] = line?.slice(title.length).trim().split(/\s+/) ?? [];
    return hard === undefined || hard === 'unlimited' ? [] : [`${name} ${hard}`];
  });
}

function field(status: string, name: string): string | undefined {
  const prefix = `${name}:`;
  return status
    .split('\n')
    .find((line) => line.startsWith(prefix))
    ?.slice(prefix.length)
    .trim();
}

/** Of `0-3,8`: programs see how many there are. */
function countOf(list: string): number {
  return list.split(',').reduce((count, range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return count + last - first + 1;
  }, 0);
}

/** Empty where a container hides it. */
function text(name: string): string {
  try {
    return readFileSync(`/proc/${name}`, 'utf8');
  } catch (error) {
    if (errnoOf(error) !== undefined) return '';
    throw error;
  }
}
