import { mkdirSync } from 'node:fs';
import { AT_FDCWD } from '../../../native/constants.ts';
import { fstatat, utimensat } from '../../../native/files.ts';
import { bytesOfPath, joinPath, pathOfText, prefixesOf, type RawPath, rawPath } from '../../../registry/oci/raw-path.ts';
import type { Action, CopyAction, CopyGroup, MakeDirectoryAction } from '../../protocol/actions.ts';
import { cleanPath } from '../files/folder-cache.ts';
import type { KnownTree } from '../overlay/known-tree.ts';
import { copyDirectoryAttributes } from '../overlay/rootfs.ts';
import { readEntries } from './read-list.ts';

/** What can be put where nothing is. */
export type AdditiveAction = CopyAction | MakeDirectoryAction;

/** What is added is remembered, so that it must not be much. */
const mostEntries = 500;

/** Whether additionOf() can be asked. */
export function mayBeAdditive(action: Action): action is AdditiveAction {
  if (action.kind === 'make-directory') return true;
  if (action.kind !== 'copy' || action.isLink || action.groups.some(({ isArchive }) => isArchive)) return false;
  return action.groups.reduce((count, { entries }) => count + entries, 0) <= mostEntries;
}

/** A folder that is there already, on the way to what is added. */
export interface FolderOnTheWay {
  readonly path: RawPath;
  /** The folder that has its attributes, absolute. */
  readonly folder: Uint8Array;
}

/** What an action does that only adds something. */
export type Addition =
  | { readonly kind: 'nothing' }
  /** It puts something into the last of these folders, outermost first, or into the root. */
  | { readonly kind: 'something'; readonly way: readonly FolderOnTheWay[] };

/**
 * What an action adds to a tree, when that is all it does: nothing that is there is replaced, changed, or looked at through a link. Then the layer is
 * what is put into a copy of the folders on the way, which needs no mounted tree. undefined when that is not so, or not certain.
 */
export function additionOf(action: AdditiveAction, tree: KnownTree): Addition | undefined {
  const destination = destinationOf(action);
  const way = destination === undefined ? undefined : wayTo(destination, tree);
  if (destination === undefined || way === undefined || !knowsNames(action, tree)) return undefined;
  if ((way.at(-1)?.path ?? '') !== destination) return { kind: 'something', way };
  if (action.kind === 'make-directory') return { kind: 'nothing' };
  return areVacant(action, destination, tree) ? { kind: 'something', way } : undefined;
}

/** Makes the folders in the layer folder `root`, as overlayfs does when it copies them up. What is put into one then changes its time alone. */
export function makeWay(root: string, way: readonly FolderOnTheWay[]): void {
  const { mtimeNs } = fstatat(AT_FDCWD, root);
  const made = way.map(({ path, folder }) => {
    const target = Buffer.concat([Buffer.from(`${root}/`), bytesOfPath(path)]);
    mkdirSync(target, 0o700);
    copyDirectoryAttributes(folder, target);
    return { target, mtimeNs: fstatat(AT_FDCWD, folder).mtimeNs };
  });
  for (const { target, mtimeNs: time } of made) utimensat(AT_FDCWD, target, { mtimeNs: time });
  utimensat(AT_FDCWD, root, { mtimeNs });
}

/** undefined for what is not written as main writes it. */
function destinationOf(action: AdditiveAction): RawPath | undefined {
  const text = pathOfText(action.kind === 'copy' ? action.destination : action.path);
  const path = cleanPath(text);
  return text === '/' || text === `/${path}` || text === `/${path}/` ? path : undefined;
}

/** The folders on the way that exist; undefined when something else is on it. */
function wayTo(destination: RawPath, tree: KnownTree): readonly FolderOnTheWay[] | undefined {
  const way: FolderOnTheWay[] = [];
  for (const path of prefixesOf(destination)) {
    const place = tree.at(path);
    if (place.kind === 'nothing') return way;
    if (place.kind !== 'directory') return undefined;
    way.push({ path, folder: place.folder });
  }
  return way;
}

/** True when names of owners mean the same in the ground of the tree. */
function knowsNames(action: AdditiveAction, tree: KnownTree): boolean {
  const owner = action.kind === 'copy' ? action.owner : action.user;
  return owner === undefined || isNumeric.test(owner) || userFiles.every((path) => tree.isOfGround(path));
}

const isNumeric = /^(root|\d{0,9})(:(root|\d{0,9}))?$/;
const userFiles = [rawPath('etc/passwd'), rawPath('etc/group')];

/** True when something is copied into a folder that is there, and all of it to names that are not. */
function areVacant({ groups }: CopyAction, folder: RawPath, tree: KnownTree): boolean {
  let isAny = false;
  for (const group of groups) {
    for (const path of topmostOf(group, folder)) {
      if (tree.at(path).kind !== 'nothing') return false;
      isAny = true;
    }
  }
  return isAny;
}

/** What a group puts into a folder, without what lies in one that comes with it: parents come first. */
function* topmostOf(group: CopyGroup, folder: RawPath): Generator<RawPath, void, undefined> {
  let above: string | undefined;
  for (const { type, to } of readEntries(group)) {
    const name = to === '' && group.sourceType === 'file' && !group.keepsParents ? rawPath(group.name) : to;
    if (name === '' || (above !== undefined && name.startsWith(above))) continue;
    above = type === 'directory' ? `${name}/` : undefined;
    yield joinPath(folder, name);
  }
}
