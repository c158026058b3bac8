import { mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AT_FDCWD, O_DIRECTORY, O_PATH, O_RDONLY } from '../../../native/constants.ts';
import { close, openat } from '../../../native/files.ts';
import { rawPath } from '../../../registry/oci/raw-path.ts';
import { isAtOrBelow } from '../../../registry/oci/text/path-below.ts';
import type { NameInFolder } from '../files/new-file.ts';
import { removeInSteps } from '../files/remove-tree.ts';
import { applyLayer } from '../trees/apply-layer.ts';
import { linkTo } from '../trees/clone-root.ts';
import { copyLeaf } from '../trees/copy-leaf.ts';
import { finish, inOne, type TreeTask } from '../trees/tree-task.ts';

/** Layers that are shown as one folder, in which nobody may write. */
export interface PristineTree {
  /** Absolute. */
  readonly folder: string;
  /** Nobody looks at it any more. It may become the tree of a step on top of it. */
  release(): void;
}

interface KnownTree {
  readonly folder: string;
  layers: readonly string[];
  users: number;
}

/** Trees that nobody uses, and that the next step may begin with. */
const mostIdle = 2;

/** The last is the one that was used last. */
let known: KnownTree[] = [];

/**
 * A folder with what some layers hold together, lowest first. Its files are names of the layers' own, so it takes no room but that of its folders; they
 * lie in the worker's folder for what is soon gone, and what a killed worker leaves goes with that. Steps in a row share one tree, to which each
 * adds a layer.
 */
export function pristineTree(given: readonly string[]): PristineTree {
  const layers = given.filter((layer, index) => index === given.length - 1 || readdirSync(layer).length > 0);
  const tree = sameTree(layers) ?? grow(layers) ?? newTree(layers);
  tree.users += 1;
  known = [...known.filter((other) => other !== tree), tree];
  return { folder: tree.folder, release: () => release(tree) };
}

function sameTree(layers: readonly string[]): KnownTree | undefined {
  return known.find((tree) => tree.layers.length === layers.length && isBegin(tree.layers, layers));
}

function grow(layers: readonly string[]): KnownTree | undefined {
  const tree = known
    .filter(({ users, layers: own }) => users === 0 && isBegin(own, layers))
    .reduce<KnownTree | undefined>(
      (best, other) => (other.layers.length > (best?.layers.length ?? -1) ? other : best),
      undefined,
    );
  if (tree === undefined) return undefined;
  addLayers(tree, layers);
  return tree;
}

function newTree(layers: readonly string[]): KnownTree {
  const tree: KnownTree = { folder: mkdtempSync(path.join(tmpdir(), 'tree-')), layers: [], users: 0 };
  if (!isRemovedAtEnd) process.once('exit', () => known.forEach(remove));
  isRemovedAtEnd = true;
  known.push(tree);
  addLayers(tree, layers);
  return tree;
}

let isRemovedAtEnd = false;

function addLayers(tree: KnownTree, layers: readonly string[]): void {
  const added = layers.slice(tree.layers.length);
  // One that is only half of it must not be taken for anything.
  tree.layers = ['', ...layers];
  withOpen(tree.folder, (fd) => {
    for (const layer of added) {
      const placeLeaf = isOurs(layer) ? placeName : copyLeaf;
      const source = (layerFd: number): void =>
        finish(applyLayer({ layer: layerFd, tree: fd, path: rawPath('') }, { placeLeaf }));
      withOpen(layer, source);
    }
  });
  tree.layers = layers;
}

/** A second name where that is possible: layers may lie on several file systems, and a file cannot have names without end. */
function* placeName(from: NameInFolder, to: NameInFolder): TreeTask {
  if (!linkTo(from, to)) yield* copyLeaf(from, to);
}

/** A folder of the machine can be shown too, whose files are not ours to give names. The worker's small things are in a folder of `tmp` of the store. */
function isOurs(layer: string): boolean {
  return isAtOrBelow(layer, path.dirname(path.dirname(tmpdir())));
}

function release(tree: KnownTree): void {
  tree.users -= 1;
  const idle = known.filter(({ users }) => users === 0);
  idle.slice(0, Math.max(0, idle.length - mostIdle)).forEach((old) => {
    known = known.filter((other) => other !== old);
    remove(old);
  });
}

function remove({ folder }: KnownTree): void {
  removeFolder(folder);
}

/** Removes a folder that is ours, whatever is in it. */
export function removeFolder(folder: string): void {
  const parent = openat(AT_FDCWD, path.dirname(folder), O_PATH | O_DIRECTORY);
  try {
    finish(inOne(removeInSteps(parent, Buffer.from(path.basename(folder)))));
  } finally {
    close(parent);
  }
}

/** Opens a folder to read it. */
export function withOpen<T>(folder: string, body: (fd: number) => T): T {
  const fd = openat(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY);
  try {
    return body(fd);
  } finally {
    close(fd);
  }
}

function isBegin(begin: readonly string[], all: readonly string[]): boolean {
  return begin.length <= all.length && begin.every((layer, index) => layer === all[index]);
}
