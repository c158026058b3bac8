import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { growSmallFile, writeLibraries, writeSmallFiles } from './large-context.ts';
import type { BaseImage, Output } from './tools/tool.ts';

/** Something to build, in phases that follow each other on the same store. */
export interface Workload {
  readonly name: string;
  /** Which base image it needs. */
  readonly base: BaseImage['name'];
  /** The base image is in a registry: each cold build pulls it. */
  readonly isPulled?: boolean;
  readonly phases: readonly Phase[];
  /** Makes the context in a new, empty folder. `base` is what its Containerfile begins with. */
  write(folder: string, base: string): void;
}

export interface Phase {
  readonly name: string;
  readonly kind: 'cold' | 'no-op' | 'change';
  /** `push`: to the registry of the bench. */
  readonly output: Exclude<Output, { kind: 'push' }> | 'push';
  /** Changes the context before each measurement; `round` differs each time. */
  change?(folder: string, round: number): void;
}

const none = { kind: 'none' } as const;
const archive = { kind: 'archive', compression: 'gzip' } as const;
const cold: Phase = { name: 'cold', kind: 'cold', output: none };
const noop: Phase = { name: 'no-op', kind: 'no-op', output: none };
const stages = 6;

/** What is measured, quick things first. */
export const workloads: readonly Workload[] = [
  lines('20 RUN', [cold, noop], () => numbers(20).map((index) => `RUN echo ${index} > /file-${index}`)),
  lines('1 RUN', [cold], () => ['RUN echo one > /file']),
  {
    name: '100 ENV + 100 COPY',
    base: 'busybox',
    phases: [cold, noop],
    write: (folder, base) => {
      for (const index of numbers(100)) writeFileSync(join(folder, `file-${index}`), `${index}\n`);
      writeContainerfile(folder, [
        `FROM ${base}`,
        ...numbers(100).flatMap((index) => [`ENV NAME_${index}=${index}`, `COPY file-${index} /files/`]),
      ]);
    },
  },
  {
    name: '6 stages of 1 s',
    base: 'busybox',
    phases: [cold],
    write: (folder, base) =>
      writeContainerfile(folder, [
        ...numbers(stages).flatMap((index) => [`FROM ${base} AS stage-${index}`, `RUN sleep 1; echo ${index} > /file-${index}`]),
        `FROM ${base}`,
        ...numbers(stages).map((index) => `COPY --from=stage-${index} /file-${index} /`),
      ]),
  },
  {
    name: '40,000 files + 400 MB',
    base: 'busybox',
    phases: [
      { name: 'cold', kind: 'cold', output: archive },
      { name: 'no-op', kind: 'no-op', output: archive },
      { name: 'one changed', kind: 'change', output: archive, change: changeContext },
      { name: 'one changed, pushed', kind: 'change', output: 'push', change: changeContext },
    ],
    write: (folder, base) => {
      writeSmallFiles(join(folder, 'files'));
      writeLibraries(join(folder, 'files/libraries'));
      writeContainerfile(folder, [`FROM ${base}`, 'COPY files /files']);
    },
  },
  {
    name: 'Debian pulled, RUN true',
    base: 'debian',
    isPulled: true,
    phases: [{ name: 'cold', kind: 'cold', output: archive }],
    write: (folder, base) => writeContainerfile(folder, [`FROM ${base}`, 'RUN true']),
  },
  gcc('apt-get gcc', archive),
  gcc('apt-get gcc, zstd', { kind: 'archive', compression: 'zstd' }),
];

function gcc(name: string, output: Phase['output']): Workload {
  const install = 'apt-get install -qy --no-install-recommends gcc libc6-dev make';
  return {
    ...lines(name, [{ name: 'cold', kind: 'cold', output }], () => [
      `RUN apt-get update -q && DEBIAN_FRONTEND=noninteractive ${install}`,
    ]),
    base: 'debian',
  };
}

function lines(name: string, phases: readonly Phase[], instructions: () => readonly string[]): Workload {
  return {
    name,
    base: 'busybox',
    phases,
    write: (folder, base) => writeContainerfile(folder, [`FROM ${base}`, ...instructions()]),
  };
}

function changeContext(folder: string, round: number): void {
  growSmallFile(join(folder, 'files'), round);
}

function writeContainerfile(folder: string, text: readonly string[]): void {
  writeFileSync(join(folder, 'Containerfile'), `${text.join('\n')}\n`);
}

function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}
