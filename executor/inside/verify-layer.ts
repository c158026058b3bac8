import { fstatSync } from 'node:fs';
import path from 'node:path';
import {
  AT,
  AT_FDCWD,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  S_IFCHR,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from '../../native/constants.ts';
import { close, fstatat, openat, readDirectory } from '../../native/files.ts';
import type { Digest } from '../../registry/oci/digest.ts';
import type { LayerEntry } from '../../registry/oci/layer-entry.ts';
import { Pace, type Pause, pause } from '../../registry/oci/pace.ts';
import { folderOf, joinPath, pathOfBytes, type RawPath, rawPath, textOfPath } from '../../registry/oci/raw-path.ts';
import type { WorkerRequest } from '../protocol/messages.ts';
import { hashChunks } from './layer/commit.ts';
import { readIndex } from './layer/index-file.ts';
import { layerItems } from './layer/layer-files.ts';
import { type TarItem, tarChunks } from './layer/tar-chunks.ts';
import type { RequestContext } from './request-context.ts';
import { asWritten, openPacked, readable, refuseOther } from './write-layer.ts';

type VerifyLayerRequest = Extract<WorkerRequest, { readonly kind: 'verify-layer' }>;

/**
 * Compares the files of a layer with its index, or the tar of a packed one with its digest. Throws a Refusal ('layer-damaged') when something
 * is missing, is another file than it was, or should not be there. The index itself is for the caller to check.
 */
export async function verifyLayer(
  { directory, diffId }: VerifyLayerRequest,
  { signal }: RequestContext,
): Promise<Record<string, never>> {
  const packed = openPacked(directory);
  if (packed === undefined) await verifyFolder(directory, { diffId, signal });
  else refuseOther((await hashChunks(readable(packed, diffId), signal)).diffId, diffId);
  return {};
}

interface Verifying {
  readonly diffId: Digest;
  readonly signal: AbortSignal;
}

async function verifyFolder(directory: string, { diffId, signal }: Verifying): Promise<void> {
  const fs = path.join(directory, 'fs');
  const entries = asWritten(() => lasting(readIndex(path.join(directory, 'index'))), diffId);
  const tar = await hashChunks(readable(tarChunks(checkedItems(fs, entries)), diffId), signal);
  // In a folder that a step made there may be files besides, which are the same below. One that was unpacked has what its tar has.
  const isUnpacked = tar.diffId !== diffId;
  const pace = new Pace(signal);
  for await (const _ of readable(checkNames(fs, { entries, isUnpacked }), diffId)) if (pace.isDue()) await pace.turn();
}

/** The entries of an index that are still there at its end: in archives a path may come twice, and a folder may become something else. */
function lasting(entries: Iterable<LayerEntry>): ReadonlyMap<RawPath, LayerEntry> {
  const last = new Map<RawPath, LayerEntry>();
  for (const entry of entries) last.set(isDeletion(entry) ? rawPath(`${entry.path}\0${entry.type}`) : entry.path, entry);
  const isBelowOther = (at: RawPath): boolean => {
    for (let folder = folderOf(at); folder !== ''; folder = folderOf(folder)) {
      const entry = last.get(folder);
      if (entry !== undefined && entry.type !== 'directory') return true;
    }
    return false;
  };
  return new Map([...last].filter(([at]) => !isBelowOther(at)));
}

function* checkedItems(fs: string, entries: ReadonlyMap<RawPath, LayerEntry>): Generator<TarItem, void, undefined> {
  for (const item of layerItems(fs, entries.values())) {
    const { path: at, size } = item.header;
    if (item.fd !== undefined && fstatSync(item.fd).size !== size) throw changed(at);
    const onContent = (digest: string): void => {
      const entry = entries.get(at);
      if (entry?.type === 'file' && digest !== entry.digest) throw changed(at);
    };
    yield { ...item, onContent };
  }
}

interface Names {
  readonly entries: ReadonlyMap<RawPath, LayerEntry>;
  readonly isUnpacked: boolean;
}

/** Gives a pause after each folder. */
function* checkNames(fs: string, { entries, isUnpacked }: Names): Generator<Pause, void, undefined> {
  const wanted = new Map([...entries].filter(([at, entry]) => at !== '' && !isDeletion(entry)));
  const root = openat(AT_FDCWD, fs, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    yield* checkFolder({ fd: root, path: rawPath('') }, { wanted, isUnpacked });
  } finally {
    close(root);
  }
  for (const missing of wanted.keys()) throw new Error(`"${textOfPath(missing)}" is missing`);
}

interface Folder {
  readonly fd: number;
  readonly path: RawPath;
}

interface Found {
  /** What is found is taken out. */
  readonly wanted: Map<RawPath, LayerEntry>;
  readonly isUnpacked: boolean;
}

/** Folders that nobody wrote down are those that an archive implies. */
function* checkFolder(folder: Folder, found: Found): Generator<Pause, void, undefined> {
  yield pause;
  for (const { name } of readDirectory(folder.fd)) {
    const at = joinPath(folder.path, pathOfBytes(name));
    const type = fstatat(folder.fd, name, AT.SYMLINK_NOFOLLOW).mode & S_IFMT;
    const entry = found.wanted.get(at);
    const isStray = found.isUnpacked && type !== S_IFDIR && type !== S_IFCHR;
    if (entry === undefined ? isStray : !isOfType(entry, type)) throw changed(at);
    found.wanted.delete(at);
    if (type !== S_IFDIR) continue;
    const fd = openat(folder.fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    try {
      yield* checkFolder({ fd, path: at }, found);
    } finally {
      close(fd);
    }
  }
}

/** Device nodes and pipes are what this user may make. */
function isOfType(entry: LayerEntry, type: number): boolean {
  switch (entry.type) {
    case 'file':
      return type === S_IFREG;
    case 'directory':
      return type === S_IFDIR;
    case 'symlink':
      return type === S_IFLNK;
    case 'hardlink':
    case 'char':
    case 'block':
    case 'fifo':
    case 'whiteout':
    case 'opaque':
      return true;
    default:
      return unreachable(entry);
  }
}

/** What is deleted is told by devices and attributes, and may have the path of what is there instead. */
function isDeletion({ type }: LayerEntry): boolean {
  return type === 'whiteout' || type === 'opaque';
}

function unreachable(entry: never): never {
  throw new Error(`Cannot compare an entry: ${JSON.stringify(entry)}`);
}

function changed(file: RawPath): Error {
  return new Error(`"${textOfPath(file)}" is another file`);
}
