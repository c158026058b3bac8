import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeCopyList } from '../../../builder/context/copy-list.ts';
import { chooseCopiedFiles } from '../../../builder/context/copy-plan.ts';
import { scanContext } from '../../../builder/context/scan.ts';
import { median, outputOf, timeOf } from '../measure.ts';

/** Medians in milliseconds, of rounds in which all were measured in turn. */
export interface CopyCost {
  /**
   * What a worker does for a `COPY files /files` with nothing after it, when it is not the first: reads the files, writes the layer and
   * hashes it.
   */
  readonly copyMs: number;
  /** The same as the first thing that a process does, before its code has been compiled for the processor. */
  readonly firstMs: number;
  /** `tar -cf FILE files`. */
  readonly tarMs: number;
  /** `tar -cf - files | tar -xf -` into a new folder. */
  readonly treeMs: number;
}

const rounds = 5;
const copiesInProcess = 4;

/** Copies the folder `files` of a context as workers do, and packs it with GNU tar. @throws CommandFailed without tar */
export async function copyCost(context: string, work: string): Promise<CopyCost> {
  mkdirSync(work, { recursive: true });
  const list = join(work, 'list');
  await writeList(context, list);
  // Nothing is removed meanwhile: file systems are slow for some time after many files were. For the same reason trees come last.
  const copies = await repeated((number) => measureCopies(context, list, join(work, `${number}`)));
  const trees = await repeated((number) => measureTree(context, join(work, `tree-${number}`)));
  rmSync(work, { recursive: true });
  return {
    copyMs: median(copies.map(({ copyMs }) => copyMs)),
    firstMs: median(copies.map(({ firstMs }) => firstMs)),
    tarMs: median(copies.map(({ tarMs }) => tarMs)),
    treeMs: median(trees),
  };
}

async function repeated<T>(measured: (round: number) => Promise<T>): Promise<readonly T[]> {
  const results: T[] = [];
  for (let round = 0; round < rounds; round += 1) results.push(await measured(round));
  return results;
}

async function writeList(context: string, list: string): Promise<void> {
  const [group] = await chooseCopiedFiles(await scanContext(context), {
    sources: [{ kind: 'path', path: 'files' }],
    excludes: [],
    keepsParents: false,
  });
  await writeCopyList(list, group?.entries ?? []);
}

async function measureCopies(context: string, list: string, folder: string): Promise<Omit<CopyCost, 'treeMs'>> {
  mkdirSync(folder);
  const [firstMs = Number.NaN, ...others] = await copyTimes(context, list, folder);
  return {
    firstMs,
    copyMs: median(others),
    tarMs: await shellMs('tar -cf "$1/files.tar" -C "$0" files', [context, folder]),
  };
}

function measureTree(context: string, folder: string): Promise<number> {
  mkdirSync(folder);
  return shellMs('tar -cf - -C "$0" files | tar -xf - -C "$1"', [context, folder]);
}

const script = fileURLToPath(new URL('./copy-process.js', import.meta.url));

async function copyTimes(context: string, list: string, folder: string): Promise<readonly number[]> {
  const argv = [process.execPath, script, context, list, folder, `${copiesInProcess}`];
  const times: readonly number[] = JSON.parse(await outputOf({ argv, cwd: folder, env: {} }));
  return times;
}

function shellMs(text: string, args: readonly string[]): Promise<number> {
  return timeOf({ argv: ['sh', '-ec', text, ...args], cwd: '/', env: { PATH: process.env['PATH'] ?? '' } });
}
