import path from 'node:path';
import type { TreeSource } from '../../executor/protocol/actions.ts';
import type { CopyEntry } from '../../executor/protocol/copy-entry.ts';
import { decodedPart } from '../../registry/address/url.ts';
import { RegistryError } from '../../registry/errors/registry-error.ts';
import { hexOf } from '../../registry/oci/digest.ts';
import { pathOfText, type RawPath, rawPath } from '../../registry/oci/raw-path.ts';
import { trimEnd } from '../../registry/oci/text/trim-end.ts';
import { scanContext } from '../context/scan.ts';
import { SourceError } from '../context/source-error.ts';
import { isArchiveFile } from '../inputs/archive-magic.ts';
import { type DownloadedFile, downloadFile } from '../inputs/download-file.ts';
import { shownLocation } from '../inputs/git/git-location.ts';
import { gitServices } from '../inputs/git/git-services.ts';
import { fetchGitTree, gitLocation } from '../inputs/git/git-tree.ts';
import { unpackFile } from '../inputs/unpack-archive.ts';
import { Cleanup } from '../session/cleanup.ts';
import { once } from '../session/once.ts';
import { type AddedFiles, type AddJob, groupsOfFolder } from './added-files.ts';
import { type DecidedGroup, decideFiles, planFiles, timedKey } from './planned-files.ts';
import { replacesOf, writeGroups } from './prepare-copy.ts';
import type { OpenSource } from './source-trees.ts';

/** A file behind a URL: the store has it, or gets it now. It is 0600, and as old as the server says. */
export async function addUrl(url: string, { action, around, onProgress }: AddJob): Promise<AddedFiles> {
  const { options, store, signal, lookup } = around.solving;
  const services = { options, store, signal, client: () => lookup.client() };
  const file = await orSourceError(() => downloadFile({ url, checksum: action.checksum, onProgress }, services));
  const blob = store.blobs.path(file.digest);
  const group = fileGroup(file, { url, isArchive: action.unpacks === true && (await isArchiveFile(blob)) });
  const decided = await decideFiles([group], { ...replacesOf(action), signal });
  const source: TreeSource = { kind: 'directory', path: path.dirname(blob) };
  return {
    // Unlike in a context the time is part of the result.
    keyed: decided.keyed.map((keyed) => timedKey(keyed, file.lastModified)),
    inputs: decided.inputs,
    materialise: async () => {
      await store.blobs.verify(file.digest, signal);
      return writeGroups([group], source, around);
    },
    time: 'source',
  };
}

function fileGroup(
  { digest, sizeBytes, lastModified = 0 }: DownloadedFile,
  { url, isArchive }: { url: string; isArchive: boolean },
): DecidedGroup {
  const hex = hexOf(digest);
  const entry: CopyEntry = {
    type: 'file',
    from: rawPath(hex),
    to: rawPath(''),
    mode: 0o600,
    uid: 0,
    gid: 0,
    mtime: lastModified,
    size: sizeBytes,
    digest: hex,
  };
  return {
    source: 0,
    path: rawPath(hex),
    name: nameOfUrl(url),
    sourceType: 'file',
    keepsParents: false,
    entries: [entry],
    isArchive,
  };
}

/** The last element of the path, as Go's path.Base finds it; a name that no file can have is none. */
function nameOfUrl(url: string): RawPath {
  const { pathname } = new URL(url);
  const name = trimEnd(decodedPart(pathname), '/').split('/').at(-1) ?? '';
  return pathOfText(name === '' || name === '.' || name === '..' || name.includes('\0') ? '__unnamed__' : name);
}

/** What is wrong with a URL of the Containerfile is shown where it stands. */
async function orSourceError<T>(operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    throw new SourceError('download', error.message, { hint: error.hint, cause: error });
  }
}

/** The files of a repository, which are unpacked only when somebody must read them. */
export async function addRepository(url: string, { action, around, onProgress }: AddJob): Promise<AddedFiles> {
  const { options, store, signal } = around.solving;
  const location = gitLocation(url);
  const keepsGitFolder = action.keepsGitDirectory ?? location.keepsGitFolder ?? false;
  await using cleanup = new Cleanup();
  const services = gitServices({ options, store, signal, cleanup, usesOwnKeys: false });
  const wanted = { ...location, commit: action.checksum ?? location.commit };
  const { digest, committedSeconds } = await fetchGitTree(wanted, { keepsGitFolder }, { ...services, store, onProgress });
  const name = `repository "${shownLocation(location)}"`;
  const folder = once(async () => {
    const unpacked = await store.newPath();
    await store.blobs.verify(digest, signal);
    await unpackFile(store.blobs.path(digest), unpacked, { name, signal });
    return unpacked;
  });
  const mtime = location.mtime === 'commit' ? committedSeconds : undefined;
  const source: OpenSource = {
    identity: `tar ${digest}`,
    mtime,
    time: mtime === undefined ? 'constant' : 'source',
    context: undefined,
    tree: async () => scanContext(await folder(), { name, signal }),
    treeSource: async () => ({ kind: 'directory', path: await folder() }),
  };
  const { excludes } = action;
  const sources = [{ kind: 'path', path: literally(`/${location.folder}`) }] as const;
  const files = await planFiles(source, { sources, excludes, keepsParents: false, ...replacesOf(action) }, { store, signal });
  return {
    keyed: mtime === undefined ? files.keyed : files.keyed.map((keyed) => timedKey(keyed, mtime)),
    inputs: files.inputs,
    materialise: async (time) => {
      const groups = await groupsOfFolder(await files.groups(), await source.treeSource(), { action, around, mtime });
      return groups.materialise(time);
    },
    time: source.time,
  };
}

/** A folder of a repository is no pattern. */
function literally(folder: string): string {
  return folder.replace(/[[*?]/g, '[$&]');
}
