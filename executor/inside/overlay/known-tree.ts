import { statSync } from 'node:fs';
import { AT, O_NOFOLLOW, O_PATH, RESOLVE, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '../../../native/constants.ts';
import { close, fstatat, openat2 } from '../../../native/files.ts';
import { isSyscallError } from '../../../native/syscall-error.ts';
import type { LayerEntry } from '../../../registry/oci/layer/layer-entry.ts';
import { bytesOfPath, type RawPath } from '../../../registry/oci/raw-path.ts';
import type { Lowers } from '../../protocol/actions.ts';
import { openRoot } from '../root/resolve-in-root.ts';
import { chosenBackend } from './chosen-backend.ts';
import type { ReadOnlyRootfs } from './rootfs.ts';

/** What is at a path of a tree. */
type KnownPlace =
  | { readonly kind: 'nothing' }
  /** `folder` is the one that the tree shows: it has the attributes, and what its layer holds. Absolute. */
  | { readonly kind: 'directory'; readonly folder: Buffer }
  | { readonly kind: 'file' }
  /** A link, something below a link, or something special. */
  | { readonly kind: 'other' };

/** Layers as one tree, until it is disposed. */
export interface KnownTree extends Disposable {
  /** The lower ones of the layers, mounted; the others have only added to them. Absolute. */
  readonly ground: string;
  at(path: RawPath): KnownPlace;
  /** True when a path is the same file in the ground, or nothing in both. */
  isOfGround(path: RawPath): boolean;
}

/**
 * Shows layers as one tree. Mounting one costs more than a small step does, so it serves later steps as well, as long as those between have only
 * added something: see addToKnownTrees(). `mount` is called where there is none.
 */
export async function openKnownTree(lowers: Lowers, mount: () => Promise<ReadOnlyRootfs>): Promise<KnownTree> {
  const identities = lowers.map(identityOf);
  const start = identities.findLastIndex((identity) => !additions.has(identity)) + 1;
  const ground = groundOf(identities, start) ?? newGround(identities, await mount());
  const added = identities.slice(ground.layers.length).map((identity, index) => {
    const folder = Buffer.from(`${lowers[ground.layers.length + index] ?? ''}/`);
    return { folder, types: additions.get(identity) ?? new Map() };
  });
  return new AddedTree(ground, added.toReversed());
}

/** The mount of exactly these layers, where a step has needed it just now: a second one would cost as much again. */
export function knownMount(lowers: Lowers): ReadOnlyRootfs | undefined {
  const ground = groundOf(lowers.map(identityOf), lowers.length);
  if (ground === undefined) return undefined;
  const tree = new AddedTree(ground, []);
  return { path: tree.ground, [Symbol.dispose]: () => tree[Symbol.dispose]() };
}

/** Says that the layer in a folder, with these entries, was made where nothing else was: they hide nothing of the layers below. */
export function addToKnownTrees(folder: string, entries: readonly LayerEntry[]): void {
  additions.set(identityOf(folder), new Map(entries.map(({ path, type }) => [path, type])));
}

/** Layers of this worker, few of which are needed at a time. */
interface Ground {
  readonly layers: readonly string[];
  readonly mounted: ReadOnlyRootfs;
  users: number;
}

type EntryTypes = ReadonlyMap<RawPath, LayerEntry['type']>;

/** By identity of the layer folder. */
const additions = new Map<string, EntryTypes>();
/** The one that was used last is the last. */
let grounds: readonly Ground[] = [];
/** As many stages can have a chain at the same time. Each costs a descriptor. */
const mostGrounds = 8;

class AddedTree implements KnownTree {
  readonly ground: string;
  readonly #ground: Ground;
  readonly #rootFd: number;
  readonly #added: readonly { readonly folder: Buffer; readonly types: EntryTypes }[];

  /** `added`: topmost first. */
  constructor(ground: Ground, added: readonly { readonly folder: Buffer; readonly types: EntryTypes }[]) {
    this.#ground = ground;
    this.#added = added;
    this.ground = ground.mounted.path;
    this.#rootFd = openRoot(this.ground);
    ground.users += 1;
    grounds = [...grounds.filter((other) => other !== ground), ground];
  }

  at(path: RawPath): KnownPlace {
    for (const { folder, types } of this.#added) {
      const type = types.get(path);
      if (type === 'directory') return { kind: 'directory', folder: Buffer.concat([folder, bytesOfPath(path)]) };
      if (type !== undefined) return { kind: type === 'file' || type === 'hardlink' ? 'file' : 'other' };
    }
    return placeIn(this.#rootFd, this.ground, path);
  }

  isOfGround(path: RawPath): boolean {
    const isAdded = this.#added.some(({ types }) => types.has(path));
    return !isAdded && placeIn(this.#rootFd, this.ground, path).kind !== 'other';
  }

  [Symbol.dispose](): void {
    close(this.#rootFd);
    this.#ground.users -= 1;
    forgetOldGrounds();
  }
}

/** The mount of the first layers of some, at least of the first `start` ones. */
function groundOf(identities: readonly string[], start: number): Ground | undefined {
  return grounds.find(
    ({ layers }) =>
      layers.length >= start && layers.length <= identities.length && layers.every((layer, index) => layer === identities[index]),
  );
}

function newGround(layers: readonly string[], mounted: ReadOnlyRootfs): Ground {
  return { layers, mounted, users: 0 };
}

function forgetOldGrounds(): void {
  const kept = chosenBackend().growsIdleTrees === true ? 0 : mostGrounds;
  const old = new Set(grounds.slice(0, Math.max(0, grounds.length - kept)).filter(({ users }) => users === 0));
  grounds = grounds.filter((ground) => !old.has(ground));
  for (const { mounted } of old) mounted[Symbol.dispose]();
}

/** A folder that is removed and made anew is another one, whatever its path. What is committed does not change. */
function identityOf(folder: string): string {
  const { dev, ino, ctimeNs } = statSync(folder, { bigint: true });
  return `${dev}:${ino}:${ctimeNs}`;
}

function placeIn(rootFd: number, root: string, path: RawPath): KnownPlace {
  const bytes = bytesOfPath(path);
  switch (typeIn(rootFd, bytes)) {
    case undefined:
      return { kind: 'nothing' };
    case S_IFDIR:
      return { kind: 'directory', folder: Buffer.concat([Buffer.from(`${root}/`), bytes]) };
    case S_IFREG:
      return { kind: 'file' };
    default:
      return { kind: 'other' };
  }
}

/** Links are not followed: what is below one, or below something else that is no folder, counts as one. */
function typeIn(rootFd: number, path: Buffer): number | undefined {
  try {
    const fd = openat2(rootFd, path, { flags: O_PATH | O_NOFOLLOW, resolve: RESOLVE.BENEATH | RESOLVE.NO_SYMLINKS });
    try {
      return fstatat(fd, '', AT.EMPTY_PATH).mode & S_IFMT;
    } finally {
      close(fd);
    }
  } catch (error) {
    if (isSyscallError(error, 'ENOENT')) return undefined;
    if (isSyscallError(error, 'ENOTDIR', 'ELOOP')) return S_IFLNK;
    throw error;
  }
}
