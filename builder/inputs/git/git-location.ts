import { posix } from 'node:path';
import { decodedPart } from '../../../registry/address/url.ts';

/** A repository as ADD, a context or a flag names it. */
export interface GitLocation {
  /** For git: without user, password, query and fragment. */
  readonly remote: string;
  readonly transport: 'http' | 'https' | 'ssh' | 'git';
  /** With the port, if one is written. */
  readonly host: string;
  /** `user:password` of a http or https URL; for a header, never to be shown. */
  readonly userInfo: string | undefined;
  /** A branch, tag, other ref or full commit; undefined for what the repository itself points at. */
  readonly ref: string | undefined;
  /** A folder of the repository, relative, without `..`; '' for all of it. */
  readonly folder: string;
  /** The commit that the ref must lead to, or the first digits of it. */
  readonly commit: string | undefined;
  readonly keepsGitFolder: boolean | undefined;
  readonly hasSubmodules: boolean;
  /** The times of the files: those of the commit, or none that say anything. */
  readonly mtime: 'commit' | 'checkout';
}

/** Why a text is no location of a repository. Made only by parseGitLocation(). */
export class GitLocationError extends Error {
  override readonly name = 'GitLocationError';
}

/**
 * Reads `URL#ref:folder` and `URL?ref=&tag=&branch=&commit=&checksum=&subdir=&keep-git-dir=&submodules=&mtime=&fetch-by-commit=`, as BuildKit
 * does. `fetch-by-commit` changes nothing: commits are asked for by themselves first in any case. URLs are http, https, ssh, git,
 * `user@host:path` and `github.com/...`. The message of the GitLocationError it throws names neither user nor password.
 */
export function parseGitLocation(text: string): GitLocation {
  const { before: address, after: fragment = '' } = cut(text, '#');
  const scp = /^([\w.-]+)@([\w.-]+):([^?]*)$/.exec(address);
  const place =
    scp === null ? urlPlace(address) : { remote: address, transport: 'ssh' as const, host: scp[2] ?? '', userInfo: undefined };
  const query = scp === null ? cut(address, '?').after : undefined;
  const { before: ref, after: folder = '' } = cut(fragment, ':');
  const fields = readQuery(query ?? '', { ref: decodedPart(ref), folder: decodedPart(folder) });
  return { ...place, ...fields };
}

/** The location for messages: without credentials and without the query. */
export function shownLocation({ remote, ref, folder }: GitLocation): string {
  const fragment = [ref ?? '', folder].join(':').replace(/:$/, '');
  return fragment === '' ? remote : `${remote}#${fragment}`;
}

/** True for a whole commit, of either kind of hash. */
export function isCommit(text: string): boolean {
  return /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(text);
}

type Remote = Pick<GitLocation, 'remote' | 'transport' | 'host' | 'userInfo'>;

const transports: ReadonlyMap<string, GitLocation['transport']> = new Map([
  ['http:', 'http'],
  ['https:', 'https'],
  ['ssh:', 'ssh'],
  ['git:', 'git'],
]);

function urlPlace(address: string): Remote {
  const { before } = cut(address, '?');
  const url = parsedUrl(before.startsWith('github.com/') ? `https://${before}` : before);
  const transport = transports.get(url.protocol);
  if (transport === undefined) throw new GitLocationError(`repositories are not fetched by "${url.protocol}"`);
  if (url.host === '' || url.pathname === '' || url.pathname === '/') throw new GitLocationError('it names no repository');
  const { username, password } = url;
  if (transport === 'http' || transport === 'https') url.username = '';
  // ssh takes no password from there.
  url.password = '';
  const isPrivate = url.username === '' && (username !== '' || password !== '');
  const userInfo = isPrivate ? `${decodedPart(username)}:${decodedPart(password)}` : undefined;
  return { remote: url.href, transport, host: url.host, userInfo };
}

function parsedUrl(text: string): URL {
  try {
    return new URL(text);
  } catch {
    throw new GitLocationError('it is not written as a URL');
  }
}

interface Fragment {
  readonly ref: string;
  readonly folder: string;
}

const known = ['ref', 'tag', 'branch', 'commit', 'checksum', 'subdir', 'keep-git-dir', 'submodules', 'fetch-by-commit', 'mtime'];

function readQuery(query: string, fragment: Fragment): Omit<GitLocation, keyof Remote> {
  const values = new Map<string, string>();
  for (const [key, value] of new URLSearchParams(query)) {
    if (!known.includes(key)) throw new GitLocationError(`unexpected query "${key}"`);
    const before = values.get(key);
    if (before !== undefined && before !== value) throw new GitLocationError(`query "${key}" has several values`);
    values.set(key, value);
  }
  const ref = onlyRef([
    fragment.ref,
    values.get('ref'),
    prefixed('refs/tags/', values.get('tag')),
    prefixed('refs/heads/', values.get('branch')),
  ]);
  readSwitch('fetch-by-commit', values);
  const folder = oneOf('subdir', [fragment.folder, values.get('subdir')]);
  return {
    ref: ref === undefined ? undefined : checkedRef(ref),
    folder: cleanFolder(folder ?? ''),
    commit: checkedCommit(oneOf('commit', [values.get('commit'), values.get('checksum')])),
    keepsGitFolder: readSwitch('keep-git-dir', values),
    hasSubmodules: readSwitch('submodules', values) ?? true,
    mtime: readMtime(values.get('mtime')),
  };
}

/** The same ref may be written in several ways; the longest says most. */
function onlyRef(refs: readonly (string | undefined)[]): string | undefined {
  const written = refs.flatMap((ref) => (ref === undefined || ref === '' ? [] : [ref]));
  const longest = written.toSorted((a, b) => b.length - a.length)[0];
  const other = written.find((ref) => longest !== ref && longest?.endsWith(`/${ref}`) !== true);
  if (other === undefined) return longest;
  throw new GitLocationError(`ref conflicts: "${longest ?? ''}" vs "${other}"`);
}

function oneOf(name: string, texts: readonly (string | undefined)[]): string | undefined {
  const [first, ...others] = texts.filter((text) => text !== undefined && text !== '');
  const other = others.find((text) => text !== first);
  if (other === undefined) return first;
  throw new GitLocationError(`${name} conflicts: "${first ?? ''}" vs "${other}"`);
}

/** Git's rules for names of refs, and nothing that its patterns or options could be made of. (git-check-ref-format(1)) */
function checkedRef(ref: string): string {
  // oxlint-disable-next-line no-control-regex
  const isBad = /^[-/.]|[\u0000-\u0020\u007f~^:?*[\]\\]|\.\.|@\{|\/\/|\/$|\.lock$/.test(ref);
  if (isBad || ref.length > 1000) throw new GitLocationError(`"${ref}" is no name of a branch, tag or commit`);
  return ref;
}

function checkedCommit(commit: string | undefined): string | undefined {
  if (commit === undefined) return undefined;
  const digits = commit.toLowerCase();
  if (!/^[0-9a-f]{4,64}$/.test(digits)) throw new GitLocationError('invalid checksum: expected hex commit hash');
  return digits;
}

function cleanFolder(folder: string): string {
  return posix.normalize(`/${folder}`).replace(/^\/+/, '').replace(/\/$/, '');
}

function readMtime(text = 'checkout'): GitLocation['mtime'] {
  if (text === 'commit' || text === 'checkout') return text;
  throw new GitLocationError(`query "mtime" is neither commit nor checkout`);
}

function readSwitch(name: string, values: ReadonlyMap<string, string>): boolean | undefined {
  const text = values.get(name);
  if (text === undefined) return undefined;
  if (text === '' || /^(1|t|true)$/i.test(text)) return true;
  if (/^(0|f|false)$/i.test(text)) return false;
  throw new GitLocationError(`query "${name}" is neither true nor false`);
}

function prefixed(prefix: string, name: string | undefined): string | undefined {
  return name === undefined || name === '' || name.startsWith(prefix) ? name : prefix + name;
}

function cut(text: string, separator: string): { readonly before: string; readonly after: string | undefined } {
  const at = text.indexOf(separator);
  return at === -1 ? { before: text, after: undefined } : { before: text.slice(0, at), after: text.slice(at + separator.length) };
}
