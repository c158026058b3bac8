import { SourceError } from '../../context/source-error.ts';
import { type GitLocation, isCommit, shownLocation } from './git-location.ts';
import { type GitAccess, runGit } from './git-program.ts';

/** What a location leads to. */
export interface FoundCommit {
  /** undefined when only the first digits are known, and no ref leads there. */
  readonly commit: string | undefined;
  /** The name to ask for where a commit may not be asked for; undefined when there is none. */
  readonly ref: string | undefined;
}

/**
 * The commit that a location means, by asking the server for its refs; a whole commit is not asked for.
 *
 * @throws SourceError when there is no such ref or it leads elsewhere than the location says, GitFailure when the server cannot be asked
 */
export async function findCommit(location: GitLocation, folder: string, access: GitAccess): Promise<FoundCommit> {
  const { ref, commit } = location;
  const named = ref ?? (commit !== undefined && isCommit(commit) ? commit : undefined);
  if (named !== undefined && isCommit(named)) return { commit: checked(location, [named]), ref: undefined };
  if (ref === undefined && commit !== undefined) return findPrefix(commit, { location, folder, access });
  const found = chooseRef(await listRefs(location, ref ?? 'HEAD', { folder, access }), ref ?? 'HEAD');
  if (found === undefined) throw noSuchRef(location);
  return { commit: checked(location, [found.commit, found.object]), ref: found.name };
}

interface Ref {
  readonly name: string;
  /** What the ref holds: a commit, or an annotated tag. */
  readonly object: string;
  /** The object with tags peeled off. */
  readonly commit: string;
}

/** A repository that is made here, and how to reach the one that it comes from. */
export interface RepositoryAccess {
  readonly folder: string;
  readonly access: GitAccess;
}

async function listRefs(
  location: GitLocation,
  name: string,
  { folder, access }: RepositoryAccess,
): Promise<ReadonlyMap<string, string>> {
  const output = await runGit(folder, ['ls-remote', '-q', '--', location.remote, name, `${name}^{}`], access);
  return refsIn(output);
}

/** `HASH TAB NAME` lines. Hostile servers may send anything. */
function refsIn(output: string): ReadonlyMap<string, string> {
  const refs = new Map<string, string>();
  for (const line of output.split('\n')) {
    const [, hash, name] = /^([0-9a-f]{40,64})\t(\S+)$/.exec(line) ?? [];
    if (hash !== undefined && name !== undefined && isCommit(hash)) refs.set(name, hash);
  }
  return refs;
}

/** Branches come before tags, as for `git checkout`; then other refs by their name below `refs/`. */
function chooseRef(refs: ReadonlyMap<string, string>, name: string): Ref | undefined {
  const bare = (prefix: string): string => `${prefix}${name.startsWith(prefix) ? name.slice(prefix.length) : name}`;
  const names = name === 'HEAD' ? ['HEAD'] : [bare('refs/heads/'), bare('refs/tags/'), bare('refs/')];
  const found = names.find((candidate) => refs.has(candidate));
  const object = found === undefined ? undefined : refs.get(found);
  if (found === undefined || object === undefined) return undefined;
  return { name: found, object, commit: refs.get(`${found}^{}`) ?? object };
}

/** The first digits of a commit and nothing else: what a ref leads to is known without fetching. */
async function findPrefix(
  digits: string,
  { location, folder, access }: RepositoryAccess & { readonly location: GitLocation },
): Promise<FoundCommit> {
  const refs = refsIn(await runGit(folder, ['ls-remote', '-q', '--', location.remote], access));
  for (const [name, object] of refs) {
    const isPeeled = name.endsWith('^{}');
    if (object.startsWith(digits)) {
      return { commit: isPeeled ? object : (refs.get(`${name}^{}`) ?? object), ref: name.replace(/\^\{\}$/, '') };
    }
  }
  return { commit: undefined, ref: undefined };
}

function checked(location: GitLocation, hashes: readonly [string, ...string[]]): string {
  const { commit } = location;
  if (commit === undefined || hashes.some((hash) => hash.startsWith(commit))) return hashes[0];
  throw new SourceError(
    'checksum',
    `Cannot fetch "${shownLocation(location)}": expected checksum to match ${commit}, got ${hashes[0]}`,
    { hint: 'The branch or tag has moved; if that is right, write the new commit' },
  );
}

function noSuchRef(location: GitLocation): SourceError {
  const ref = location.ref ?? 'HEAD';
  const isShort = /^[0-9a-f]{4,39}$/.test(ref);
  return new SourceError('git', `Cannot fetch "${shownLocation(location)}": repository does not contain ref "${ref}"`, {
    hint: isShort
      ? `For a commit by its first digits write ?commit=${ref}`
      : 'Branches and tags are meant literally; a commit needs all its digits',
  });
}
