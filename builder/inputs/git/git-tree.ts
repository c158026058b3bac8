import { mkdir, rm } from 'node:fs/promises';
import type { Store } from '../../../cache/store.ts';
import type { Digest } from '../../../registry/oci/digest.ts';
import { SourceError } from '../../context/source-error.ts';
import { type Checkout, checkOut } from './checkout.ts';
import type { FetchProgress } from './fetch-progress.ts';
import { findCommit } from './find-commit.ts';
import { type GitServices, gitAccess } from './git-access.ts';
import { type GitLocation, GitLocationError, parseGitLocation, shownLocation } from './git-location.ts';
import { type GitAccess, GitFailure } from './git-program.ts';
import { type SizeLimit, sizeLimitOf, withinLimit } from './size-limit.ts';
import { writeTreeArchive } from './tree-archive.ts';

/** What fetching a repository needs of a build. */
export interface GitTreeServices extends GitServices {
  readonly store: Store;
  readonly onProgress: (what: string, doneBytes: number, totalBytes: number) => void;
  /** Default: 64 GiB or half of what the store's disk has left, and a million files. */
  readonly limit?: SizeLimit;
}

/** The files of a commit, as a tar that is a blob of the store. */
export interface GitTree {
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** When the commit was made, in seconds since the epoch. */
  readonly committedSeconds: number;
}

/** Reads a location; throws SourceError 'git' for what is none. */
export function gitLocation(text: string): GitLocation {
  try {
    return parseGitLocation(text);
  } catch (error) {
    if (!(error instanceof GitLocationError)) throw error;
    const shown = text.replace(/\/\/[^/@]*@/, '//').replace(/[?#].*$/s, '');
    throw new SourceError('git', `Cannot fetch "${shown}": ${error.message}`, { cause: error });
  }
}

/**
 * The files of a repository at a location. The server is asked what its branches lead to, unless the location names a commit; a commit that
 * the store has is not fetched again.
 *
 * @throws SourceError
 */
export async function fetchGitTree(
  location: GitLocation,
  { keepsGitFolder }: { readonly keepsGitFolder: boolean },
  services: GitTreeServices,
): Promise<GitTree> {
  const { store } = services;
  const home = await store.newPath();
  await mkdir(home, { mode: 0o700 });
  const access = { ...(await gitAccess(location, services, home)), onProgress: toProgress(services) };
  try {
    services.onProgress(`asking ${location.host}`, 0, 0);
    const found = await findCommit(location, home, access);
    const known = found.commit === undefined ? undefined : await knownTree(nameOf(location, found.commit, keepsGitFolder), store);
    return known ?? (await fetchTree({ location, found, keepsGitFolder }, access, services));
  } catch (error) {
    throw error instanceof GitFailure ? explained(error, location) : error;
  }
}

async function knownTree(name: string, store: Store): Promise<GitTree | undefined> {
  const download = await store.downloads.get(name);
  if (download === undefined) return undefined;
  return { digest: download.digest, sizeBytes: download.sizeBytes, committedSeconds: Number(download.lastModified ?? 0) };
}

/** Git does not say how many bytes will come, so what is done is all. */
function toProgress({ onProgress }: GitTreeServices): (progress: FetchProgress) => void {
  return ({ what, bytes, isDone }) => onProgress(what, bytes, isDone ? bytes : 0);
}

async function fetchTree(
  fetching: Checkout,
  access: GitAccess,
  { store, signal, onProgress, limit }: GitTreeServices,
): Promise<GitTree> {
  const { location, keepsGitFolder } = fetching;
  onProgress(`fetching from ${location.host}`, 0, 0);
  const folder = await store.newPath();
  await mkdir(folder, { mode: 0o700 });
  try {
    const limited = { limit: limit ?? (await sizeLimitOf(folder)), signal };
    const { commit, committedSeconds } = await withinLimit(folder, limited, (both) =>
      checkOut(fetching, folder, { ...access, signal: both }),
    );
    onProgress('keeping the files', 0, 0);
    const file = await store.newPath();
    const { digest, sizeBytes } = await writeTreeArchive(folder, file, { leftOut: keepsGitFolder ? undefined : '.git', signal });
    await store.blobs.adopt(file, digest);
    const record = { digest, sizeBytes, etag: undefined, lastModified: String(committedSeconds) };
    await store.downloads.put(nameOf(location, commit, keepsGitFolder), record);
    return { digest, sizeBytes, committedSeconds };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Everything that the files of a commit depend on. With its own folder the repository tells where it came from. */
function nameOf({ remote, hasSubmodules }: GitLocation, commit: string, keepsGitFolder: boolean): string {
  return JSON.stringify(['git tree', 2, remote, commit, hasSubmodules, keepsGitFolder]);
}

function explained(failure: GitFailure, location: GitLocation): SourceError {
  const shown = shownLocation(location);
  return new SourceError('git', `Cannot fetch "${shown}": ${failure.messages}`, {
    hint: hintFor(failure, location),
    cause: failure.cause,
  });
}

function hintFor({ isMissing, messages }: GitFailure, { transport, host }: GitLocation): string | undefined {
  if (isMissing) return 'Install git';
  if (/host key|known_hosts/i.test(messages)) {
    return `Add the host's key: ssh-keyscan ${host} >> ~/.ssh/known_hosts, once you know that it is right`;
  }
  if (transport === 'ssh') return 'For a key, forward an agent that has it: --ssh default';
  if (/could not read Username|Authentication failed|403|401/i.test(messages)) {
    return `For a private repository give --secret id=GIT_AUTH_TOKEN.${host},src=FILE`;
  }
  if (/error: 30[1278]/.test(messages)) return 'Credentials are not sent along redirects: name the repository by its new address';
  return undefined;
}
