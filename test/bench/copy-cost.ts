import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeCopyList } from '../../builder/context/copy-list.ts';
import { planCopy } from '../../builder/context/copy-plan.ts';
import { scanContext } from '../../builder/context/scan.ts';
import { packCopy } from '../../executor/inside/copy/pack-copy.ts';
import { CommandFailed, median } from './measure.ts';

/** Medians in milliseconds, of pairs that were measured in turn. */
export interface CopyCost {
  /** What the worker does for a `COPY files /files` with nothing after it: reads the files, writes the layer and hashes it. */
  readonly copyMs: number;
  /** `tar -cf FILE files`. */
  readonly tarMs: number;
  /** `tar -cf - files | tar -xf -` into a new folder. */
  readonly treeMs: number;
}

const pairs = 5;

/** Copies the folder `files` of a context as the worker does, and packs it with GNU tar. @throws CommandFailed without tar */
export async function copyCost(context: string, work: string): Promise<CopyCost> {
  mkdirSync(join(work, 'empty'), { recursive: true });
  const list = join(work, 'list');
  const [group] = await planCopy(await scanContext(context), {
    sources: [{ kind: 'path', path: 'files' }],
    excludes: [],
    keepsParents: false,
  });
  await writeCopyList(list, group?.entries ?? []);
  const [copies, tars, trees]: [number[], number[], number[]] = [[], [], []];
  // Nothing is removed meanwhile: file systems are slow for some time after many files were.
  for (let round = 0; round <= pairs; round++) {
    const folder = join(work, `${round}`);
    mkdirSync(join(folder, 'tree'), { recursive: true });
    const times = [
      await timed(() => copy({ context, list, folder, base: join(work, 'empty') })),
      await timed(() => shell('tar -cf "$1/files.tar" -C "$0" files', [context, folder])),
      await timed(() => shell('tar -cf - -C "$0" files | tar -xf - -C "$1/tree"', [context, folder])),
    ] as const;
    // The first round warms up.
    if (round > 0) [copies, tars, trees].forEach((all, index) => all.push(times[index] ?? 0));
  }
  rmSync(work, { recursive: true });
  return { copyMs: median(copies), tarMs: median(tars), treeMs: median(trees) };
}

interface CopyOf {
  readonly context: string;
  readonly list: string;
  readonly folder: string;
  readonly base: string;
}

async function copy({ context, list, folder, base }: CopyOf): Promise<void> {
  const source = { kind: 'directory', path: context } as const;
  const group = { source, list, sourceType: 'directory', name: 'files', keepsParents: false, isArchive: false } as const;
  const action = { groups: [group], destination: '/files', owner: undefined, mode: undefined, isLink: false } as const;
  const facts = await packCopy(
    { kind: 'copy', time: 'constant', ...action },
    { basePath: base, directory: folder, buildStartNs: BigInt(Date.now()) * 1_000_000n },
    { signal: new AbortController().signal, warn: () => undefined },
  );
  if (facts === undefined) throw new Error('Cannot measure copying: the context was not packed');
}

async function timed(operation: () => Promise<void> | void): Promise<number> {
  const startMs = performance.now();
  await operation();
  return performance.now() - startMs;
}

function shell(script: string, args: readonly string[]): void {
  const { status, stderr, error } = spawnSync('sh', ['-ec', script, ...args], { encoding: 'utf8' });
  if (status !== 0) throw new CommandFailed(`tar: ${error?.message ?? stderr.trim().slice(-400)}`);
}
