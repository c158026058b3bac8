import { lstatSync, type Stats } from 'node:fs';
import { chmod, readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import { isMissing } from '../../registry/oci/thrown.ts';
import { StoreError } from '../files/errors.ts';
import { entriesIn, temporaryPrefix } from '../files/store-files.ts';
import { StoreLayout } from './store-layout.ts';

/** Whose stores are used: only those of the user who runs this, or anybody's. */
export type StoreOwner = 'self' | 'any';

/**
 * Where a store really is. The folder itself may be a link, if it is the user's own or root's; from then on the store is used by the path
 * that it led to. StoreError 'permission' for a link of somebody else.
 */
export async function realRoot(root: string, owner: StoreOwner): Promise<string> {
  const found = await lookAt(root);
  if (found?.isSymbolicLink() !== true) return root;
  if (found.uid !== 0 && !isTrusted(found, owner)) throw ofAnother(root, found.uid);
  return realpath(root);
}

/**
 * Refuses a store that somebody else could have put something into: records and snapshots are trusted, and what is left in `tmp` is removed.
 * The root and the folders in it must be folders, not links, of this user (of anybody for 'any'), that nobody else may write to; where that
 * can be put right without a doubt about what is in them, it is. Gives the folders that are missing. StoreError 'permission'.
 */
export async function refuseUnsafe(layout: StoreLayout, owner: StoreOwner): Promise<readonly string[]> {
  return lookAtAll(layout, { owner, closes: true });
}

/** Why a store would be refused when it is opened; undefined for one that would not be, or that is not there yet. Changes nothing. */
export async function refusalOf(root: string, owner: StoreOwner): Promise<StoreError | undefined> {
  try {
    const layout = new StoreLayout(await realRoot(root, owner));
    await lookAtAll(layout, { owner, closes: false });
    const found = await lookAt(layout.root);
    if (found !== undefined && (await lookAt(layout.version)) === undefined) await refuseOtherFolder(layout);
    return undefined;
  } catch (error) {
    if (error instanceof StoreError) return error;
    throw error;
  }
}

interface Safety {
  readonly owner: StoreOwner;
  /** Takes the permission to write from others, where that puts things right. */
  readonly closes: boolean;
}

async function lookAtAll(layout: StoreLayout, safety: Safety): Promise<readonly string[]> {
  const { owner } = safety;
  const root = await lookAt(layout.root);
  if (root === undefined) return StoreLayout.folders;
  checkFolder(layout.root, root, owner);
  // First, since what is in it cannot be changed by others from here on. Nor can it in a sticky folder, which may be a public one; what
  // others make there is refused below.
  if (isOpen(root) && !isSticky(root)) {
    await refuseOtherFolder(layout);
    await closeToOthers(layout.root, root, safety);
  }
  const folders = await Promise.all(watchedFolders.map((name) => checkPart(layout, name, safety)));
  await Promise.all([layout.version, layout.lock].map((file) => checkFile(file, layout, owner)));
  return StoreLayout.folders.filter((name) => folders[watchedFolders.indexOf(name)] === false);
}

/** Refuses a folder with files in it that no store has, which are none of our business. StoreError 'corrupt'. */
export async function refuseOtherFolder(layout: StoreLayout): Promise<void> {
  const names = (await entriesIn(layout.root)).map(({ name }) => name);
  const strange = names.find(isStrange);
  if (strange === undefined) return;
  throw new StoreError('corrupt', `Cannot use store ${layout.root}: the folder holds other files ("${strange}")`, {
    path: layout.root,
    hint: 'Choose an empty or new folder with --store',
  });
}

/** True for a name in the root of a store that we do not give to anything. */
export function isStrange(name: string): boolean {
  return !ownNames.has(name) && !name.startsWith(temporaryPrefix);
}

/** What we put into the root of a store. */
export const ownNames: ReadonlySet<string> = new Set([
  'version',
  'lock',
  ...StoreLayout.folders.map((folder) => folder.split('/')[0] ?? folder),
]);

/** Those that are made with every store, those above them, and the one that only some stores have. */
const watchedFolders: readonly string[] = ['blobs', 'blobs/sha512', ...StoreLayout.folders];

/** False when it is missing. */
async function checkPart(layout: StoreLayout, name: string, safety: Safety): Promise<boolean> {
  const folder = path.join(layout.root, name);
  const found = await lookAt(folder);
  if (found === undefined) return false;
  if (found.isSymbolicLink()) throw linked(layout, name);
  checkFolder(folder, found, safety.owner);
  if (!isOpen(found)) return true;
  if ((await readdir(folder)).length > 0) throw openToOthers(folder);
  await closeToOthers(folder, found, safety);
  return true;
}

function checkFolder(folder: string, found: Stats, owner: StoreOwner): void {
  if (!found.isDirectory()) {
    throw new StoreError('corrupt', `Cannot use store ${folder}: it is not a folder`, {
      path: folder,
      hint: 'Choose another folder with --store or TSBUILD_STORE',
    });
  }
  if (!isTrusted(found, owner)) throw ofAnother(folder, found.uid);
}

async function checkFile(file: string, layout: StoreLayout, owner: StoreOwner): Promise<void> {
  const found = await lookAt(file);
  if (found === undefined) return;
  if (found.isSymbolicLink()) throw linked(layout, path.basename(file));
  if (!found.isFile()) throw noFile(layout, path.basename(file));
  if (!isTrusted(found, owner)) throw ofAnother(file, found.uid);
}

/** undefined for nothing. Links are not followed. At once: every build looks at twenty of them, and waking a thread for each takes longer. */
async function lookAt(file: string): Promise<Stats | undefined> {
  try {
    return lstatSync(file);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function isTrusted({ uid }: Stats, owner: StoreOwner): boolean {
  return owner === 'any' || uid === (process.geteuid?.() ?? uid);
}

const writableForOthers = 0o022;

function isSticky({ mode }: Stats): boolean {
  return (mode & 0o1000) !== 0;
}

function isOpen({ mode }: Stats): boolean {
  return (mode & writableForOthers) !== 0;
}

async function closeToOthers(folder: string, { mode, uid }: Stats, { closes }: Safety): Promise<void> {
  if (uid !== process.geteuid?.()) throw openToOthers(folder);
  if (closes) await chmod(folder, mode & 0o7777 & ~writableForOthers);
}

function ofAnother(folder: string, uid: number): StoreError {
  return new StoreError('permission', `Cannot use store ${folder}: it belongs to another user (id ${uid})`, {
    path: folder,
    hint: 'Choose another folder with --store or TSBUILD_STORE, or say --store-owner any if that user may decide what your images hold',
  });
}

function openToOthers(folder: string): StoreError {
  return new StoreError('permission', `Cannot use store ${folder}: other users may write to it`, {
    path: folder,
    hint: `If nobody else has put anything there, run "chmod go-w ${folder}"; else remove it, or choose another folder with --store`,
  });
}

function linked(layout: StoreLayout, name: string): StoreError {
  return new StoreError('permission', `Cannot use store ${layout.root}: "${name}" in it is a link`, {
    path: path.join(layout.root, name),
    hint: `Remove the link; to have the store on another disk, name a folder there with --store or TSBUILD_STORE`,
  });
}

function noFile(layout: StoreLayout, name: string): StoreError {
  return new StoreError('corrupt', `Cannot use store ${layout.root}: "${name}" in it is no file`, {
    path: path.join(layout.root, name),
    hint: 'Remove it, or choose another folder with --store',
  });
}
