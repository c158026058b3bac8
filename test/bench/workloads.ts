import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Something to build, in phases that follow each other on the same store. */
export interface Workload {
  readonly name: string;
  /** Which base image it needs. */
  readonly base: 'busybox' | 'debian';
  readonly phases: readonly Phase[];
  /** Makes the context in a new folder. */
  write(folder: string): void;
}

interface Phase {
  readonly name: string;
  readonly isCold: boolean;
  /** Changes the context before each measurement; `round` differs each time. */
  change?(folder: string, round: number): void;
}

const cold: Phase = { name: 'cold', isCold: true };
const noop: Phase = { name: 'no-op', isCold: false };

/** The workload that copies a large context. */
export const manyFiles = '40,000 files';
const fileCount = 40_000;
const filesPerFolder = 200;

/** What is measured, quick things first. */
export const workloads: readonly Workload[] = [
  {
    name: '20 RUN',
    base: 'busybox',
    phases: [cold, noop],
    write: (folder) =>
      writeContainerfile(
        folder,
        'busybox',
        Array.from({ length: 20 }, (_, index) => `RUN echo ${index} > /file-${index}`),
      ),
  },
  {
    name: '1 RUN',
    base: 'busybox',
    phases: [cold],
    write: (folder) => writeContainerfile(folder, 'busybox', ['RUN echo one > /file']),
  },
  {
    name: manyFiles,
    base: 'busybox',
    phases: [
      cold,
      noop,
      {
        name: 'one changed',
        isCold: false,
        change: (folder, round) => writeFileSync(join(folder, 'files/folder-7/file-42.txt'), `changed in round ${round}\n`),
      },
    ],
    write: writeManyFiles,
  },
  {
    name: 'apt-get',
    base: 'debian',
    phases: [cold, noop],
    write: (folder) =>
      writeContainerfile(folder, 'debian', [
        'RUN apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends hello',
      ]),
  },
];

function writeContainerfile(folder: string, base: string, lines: readonly string[]): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'Containerfile'), [`FROM localhost/bench-base-${base}:1`, ...lines, ''].join('\n'));
}

function writeManyFiles(folder: string): void {
  writeContainerfile(folder, 'busybox', ['COPY files /files']);
  for (let index = 0; index < fileCount / filesPerFolder; index++) {
    const inner = join(folder, 'files', `folder-${index}`);
    mkdirSync(inner, { recursive: true });
    for (let file = 0; file < filesPerFolder; file++) {
      writeFileSync(join(inner, `file-${file}.txt`), `file ${file} of folder ${index}\n`.repeat(20));
    }
  }
}
