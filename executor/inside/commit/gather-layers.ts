import { lstatSync, mkdirSync, readdirSync, rmSync, type Stats } from 'node:fs';
import path from 'node:path';
import { listXattrs } from '../../../native/xattrs.ts';
import type { Lowers } from '../../protocol/actions.ts';
import { capabilityXattr } from '../files/capability.ts';
import { mergeLayers } from './merge-layers.ts';

/** Up to here layers are mounted as they are. */
const fewLayers = 32;
const groupSize = 16;
/** A run of fewer is not worth a folder. */
const fewestGathered = 4;
/** What a layer may hold at most to be copied: what a command of a line or two makes. */
const mostEntries = 32;
const mostBytes = 64 * 1024;

/**
 * Layers that look like these when they are mounted, and that are fewer: to mount a tree and to look something up in it costs the more the more
 * layers it has, and a chain of steps does both for each of its steps. Sixteen at a time, counted from the lowest, the small ones become one
 * layer, once for all steps. They are copied into new folders in `folder`, which go when this process ends; the layers themselves stay as
 * they are. What is mounted depends on the layers alone, so that a command sees the same in every build.
 */
export async function gatherLayers(lowers: Lowers, folder: string): Promise<Lowers> {
  if (lowers.length <= fewLayers) return lowers;
  const shown: string[] = [];
  for (let start = 0; start < lowers.length; start += groupSize) {
    const group = lowers.slice(start, start + groupSize);
    shown.push(...(group.length < groupSize ? group : await gatheredOnce(group, folder)));
  }
  return shown;
}

/** By the layers of a group. Others may wait for the same group. */
const known = new Map<string, Promise<Lowers>>();

async function gatheredOnce(group: Lowers, folder: string): Promise<Lowers> {
  const name = group.join('\n');
  const gathering = known.get(name) ?? gatherGroup(group, folder);
  known.set(name, gathering);
  try {
    return await gathering;
  } catch (error) {
    known.delete(name);
    throw error;
  }
}

async function gatherGroup(group: Lowers, folder: string): Promise<Lowers> {
  const shown: string[] = [];
  for (const run of runsOf(group)) shown.push(...(run.length < fewestGathered ? run : [await merged(run, folder)]));
  return shown;
}

/** Small layers that follow each other; of the others each is a run of its own. */
function runsOf(group: Lowers): readonly Lowers[] {
  const runs: string[][] = [];
  let smallOnes: string[] | undefined;
  for (const layer of group) {
    const isSmall = canBeGathered(layer);
    if (isSmall && smallOnes !== undefined) {
      smallOnes.push(layer);
    } else {
      const run = [layer];
      runs.push(run);
      smallOnes = isSmall ? run : undefined;
    }
  }
  return runs;
}

async function merged(layers: Lowers, folder: string): Promise<string> {
  const target = newFolder(folder);
  // Other requests may wait for the result, so none of them can stop it. It is soon done.
  await mergeLayers(layers, target, new AbortController().signal);
  return target;
}

const made: string[] = [];

function newFolder(folder: string): string {
  const target = path.join(folder, `gathered-${made.length + 1}`);
  mkdirSync(target);
  if (made.length === 0) process.once('exit', removeMade);
  made.push(target);
  return target;
}

/** Only here, where all ids are known, can all files be removed. What a killed worker leaves goes with the folder of its build. */
function removeMade(): void {
  for (const target of made) rmSync(target, { recursive: true, force: true });
}

/** True for a layer that is small, and whose copy nobody can tell from it. */
function canBeGathered(layer: string): boolean {
  const left = { entries: mostEntries, bytes: mostBytes };
  const folders = [Buffer.from(layer)];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const name of readdirSync(folder, { encoding: 'buffer' })) {
      const entry = Buffer.concat([folder, Buffer.from('/'), name]);
      const status = lstatSync(entry);
      left.entries -= 1;
      left.bytes -= status.isFile() ? status.size : 0;
      if (left.entries < 0 || left.bytes < 0 || !isCopied(entry, status)) return false;
      if (status.isDirectory()) folders.push(entry);
    }
  }
  return true;
}

/** A file with several names tells how many they are, also when some of them are hidden by another layer. */
function isCopied(entry: Buffer, status: Stats): boolean {
  if (status.isCharacterDevice()) return status.rdev === 0;
  if (status.isDirectory()) return hasKnownXattrs(entry);
  if (status.nlink > 1) return false;
  if (status.isFile()) return hasKnownXattrs(entry);
  return status.isSymbolicLink() || status.isFIFO();
}

/** SELinux gives each new file its label. */
function hasKnownXattrs(entry: Buffer): boolean {
  return listXattrs(entry).every((name) => name.startsWith('user.') || name === capabilityXattr || name === 'security.selinux');
}
