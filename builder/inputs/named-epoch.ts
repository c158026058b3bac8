import type { EpochSource } from '../plan/epoch-source.ts';
import { Cleanup } from '../session/cleanup.ts';
import { isRemoteLocation } from '../settings/context-location.ts';
import type { Settings } from '../settings/settings.ts';
import { isArchiveFile } from './archive-magic.ts';
import { type DownloadServices, downloadFile } from './download-file.ts';
import type { FetchedContexts } from './fetched-contexts.ts';
import { gitServices } from './git/git-services.ts';
import { fetchGitTree, gitLocation } from './git/git-tree.ts';
import { unpackFile } from './unpack-archive.ts';

interface EpochServices extends DownloadServices {
  readonly options: Settings;
  readonly fetched: () => Promise<FetchedContexts>;
}

/**
 * The time of what SOURCE_DATE_EPOCH names, in seconds: the commit of a repository; what the server says of a URL, else the newest file of
 * an archive. A folder has none, nor has an image.
 *
 * @throws SourceError, RegistryError, UsageError
 */
export async function timeOfEpochSource(source: EpochSource, services: EpochServices): Promise<number | undefined> {
  if (source.kind === 'context') return timeOfContext(source.name, services);
  return source.remote === 'git' ? timeOfRepository(source, services) : timeOfUrl(source, services);
}

async function timeOfContext(name: string | undefined, { options, fetched }: EpochServices): Promise<number | undefined> {
  const location = name === undefined ? options.context : options.namedContexts.get(name);
  return location !== undefined && isRemoteLocation(location) ? (await (await fetched()).get(location, name)).time : undefined;
}

type AddedSource = Extract<EpochSource, { readonly kind: 'add' }>;

const onProgress = (): void => undefined;

async function timeOfRepository({ url, checksum, keepsGitDirectory }: AddedSource, services: EpochServices): Promise<number> {
  const { options, store, signal } = services;
  const location = gitLocation(url);
  await using cleanup = new Cleanup();
  const git = gitServices({ options, store, signal, cleanup, usesOwnKeys: false });
  const keepsGitFolder = keepsGitDirectory || (location.keepsGitFolder ?? false);
  const wanted = { ...location, commit: checksum ?? location.commit };
  return (await fetchGitTree(wanted, { keepsGitFolder }, { ...git, store, onProgress })).committedSeconds;
}

async function timeOfUrl({ url, checksum }: AddedSource, services: EpochServices): Promise<number | undefined> {
  const { store, signal } = services;
  const { digest, lastModified } = await downloadFile({ url, checksum, onProgress }, services);
  const file = store.blobs.path(digest);
  if (lastModified !== undefined || !(await isArchiveFile(file))) return lastModified;
  await store.blobs.verify(digest, signal);
  return (await unpackFile(file, await store.newPath(), { name: `"${url}"`, signal })).newest;
}
