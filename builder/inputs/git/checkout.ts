import { rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { SourceError } from '../../context/source-error.ts';
import type { FoundCommit, RepositoryAccess } from './find-commit.ts';
import { type GitLocation, isCommit, shownLocation } from './git-location.ts';
import { type GitAccess, GitFailure, runGit } from './git-program.ts';

/** What is checked out, and how much stays. */
export interface Checkout {
  readonly location: GitLocation;
  readonly found: FoundCommit;
  readonly keepsGitFolder: boolean;
}

/** What has come. */
export interface FetchedCommit {
  readonly commit: string;
  /** When it was committed, as the repository says; 0 when it says nonsense. */
  readonly committedSeconds: number;
}

/**
 * Fetches one commit into an empty folder, as little of its history as the server allows, with its submodules. With `keepsGitFolder` the
 * repository stays, without anything that depends on when or how it was fetched.
 *
 * @throws SourceError, GitFailure
 */
export async function checkOut(checkout: Checkout, folder: string, access: GitAccess): Promise<FetchedCommit> {
  const { location, found, keepsGitFolder } = checkout;
  const isSha256 = (found.commit ?? location.commit ?? '').length === 64;
  await runGit(folder, ['init', '-q', '--template=', ...(isSha256 ? ['--object-format=sha256'] : []), '.'], access);
  await runGit(folder, ['remote', 'add', '--', 'origin', location.remote], access);
  const commit = await fetchCommit(checkout, folder, access);
  await runGit(folder, ['checkout', '-q', '--force', '--detach', commit], access);
  if (location.hasSubmodules && (await exists(path.join(folder, '.gitmodules')))) await updateSubmodules(folder, access);
  const committed = Number(await runGit(folder, ['show', '-s', '--format=%ct', 'HEAD'], access));
  if (keepsGitFolder) await tidy(folder, access);
  return { commit, committedSeconds: Number.isSafeInteger(committed) ? committed : 0 };
}

async function fetchCommit({ location, found }: Checkout, folder: string, access: GitAccess): Promise<string> {
  const { commit, ref } = found;
  if (commit === undefined) return fetchAll(location, location.commit ?? '', { folder, access });
  const shallow = ['fetch', '--progress', '--no-tags', '--depth=1', 'origin'];
  for (const wanted of ref === undefined ? [commit] : [commit, ref]) {
    try {
      await runGit(folder, [...shallow, wanted], access);
      if (await hasCommit(commit, folder, access)) return commit;
    } catch (error) {
      if (!isRefusalOfPart(error)) throw error;
    }
  }
  return fetchAll(location, commit, { folder, access });
}

/** Servers may refuse commits that no ref leads to, and the simplest ones cannot give a part of the history. */
function isRefusalOfPart(error: unknown): boolean {
  return error instanceof GitFailure && /unadvertised|not our ref|shallow|dumb|couldn't find remote ref/i.test(error.messages);
}

/** Everything that branches and tags lead to, to find a commit in it. */
async function fetchAll(location: GitLocation, digits: string, { folder, access }: RepositoryAccess): Promise<string> {
  await runGit(
    folder,
    ['fetch', '--progress', '--no-tags', 'origin', '+refs/heads/*:refs/fetched/heads/*', '+refs/tags/*:refs/fetched/tags/*'],
    access,
  );
  try {
    const commit = (await runGit(folder, ['rev-parse', '--verify', '-q', `${digits}^{commit}`], access)).trim();
    if (isCommit(commit)) return commit;
  } catch (error) {
    if (!(error instanceof GitFailure)) throw error;
  }
  throw new SourceError('git', `Cannot fetch "${shownLocation(location)}": repository does not contain commit ${digits}`, {
    hint: 'No branch or tag leads to it, or its first digits mean several',
  });
}

async function hasCommit(commit: string, folder: string, access: GitAccess): Promise<boolean> {
  try {
    await runGit(folder, ['cat-file', '-e', `${commit}^{commit}`], access);
    return true;
  } catch (error) {
    if (error instanceof GitFailure) return false;
    throw error;
  }
}

/** `--checkout` overrides what .gitmodules says of how to update, which once could be a command. */
async function updateSubmodules(folder: string, access: GitAccess): Promise<void> {
  const update = ['submodule', 'update', '--progress', '--init', '--recursive', '--checkout'];
  try {
    await runGit(folder, [...update, '--depth=1'], access);
  } catch (error) {
    if (!isRefusalOfPart(error)) throw error;
    await runGit(folder, update, access);
  }
}

/**
 * Times in the index, packs as the server happened to make them, and notes of what was fetched would make two fetches of a commit differ. An
 * index without times is as good: git compares contents once.
 */
async function tidy(folder: string, access: GitAccess): Promise<void> {
  const commands = [
    ['read-tree', 'HEAD'],
    ['repack', '-q', '-a', '-d', '-F', '--window=0', '--depth=0'],
  ];
  for (const args of commands) await runGit(folder, args, access);
  const inSubmodules = commands.map((args) => `git ${args.join(' ')}`).join(' && ');
  if (await exists(path.join(folder, '.git', 'modules'))) {
    await runGit(folder, ['submodule', '-q', 'foreach', '--recursive', inSubmodules], access);
  }
  for (const name of ['FETCH_HEAD', 'ORIG_HEAD', 'logs', 'branches']) {
    await rm(path.join(folder, '.git', name), { recursive: true, force: true });
  }
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
