import { didYouMean } from '../../parser/mistakes/suggest.ts';
import type { Pace } from '../../registry/oci/pace.ts';
import { folderOf, joinPath, nameOf, pathOfText, type RawPath, rawPath, textOfPath } from '../../registry/oci/raw-path.ts';
import { goMatcher, splitWildcards } from '../patterns/go-match.ts';
import { resolveInTree } from './resolve.ts';
import { SourceError } from './source-error.ts';
import type { FileTree } from './tree.ts';

/** A file or folder that a source names. */
export interface SourceMatch {
  /** As the source says. */
  readonly written: RawPath;
  /** Where it is, links followed. */
  readonly path: RawPath;
}

/**
 * The files that a cleaned source names. Wildcards match component by component and take names that begin with a dot as well; links are
 * followed in what comes before the first wildcard and at each match, not between.
 *
 * @throws SourceError for a literal path that is not there and for a match that is a dangling link
 */
export async function findMatches(tree: FileTree, source: string, pace: Pace): Promise<readonly SourceMatch[]> {
  const { prefix, patterns } = splitWildcards(source);
  if (patterns.length === 0) return [findPath(tree, source)];
  const written = pathOfText(prefix);
  const start = resolveInTree(tree, written);
  if (start.entry === undefined) throw missing(tree, written, source);
  const matches = await expand(tree, start.path, { patterns, pace });
  return matches.map((match) => followed(tree, match));
}

/** The file at a cleaned path, wildcards taken literally. @throws SourceError when there is none */
export function findPath(tree: FileTree, source: string): SourceMatch {
  const written = pathOfText(source);
  const { path, entry } = resolveInTree(tree, written);
  if (entry === undefined) throw missing(tree, written, undefined);
  return { written, path };
}

interface Expansion {
  readonly patterns: readonly string[];
  readonly pace: Pace;
}

async function expand(tree: FileTree, folder: RawPath, { patterns, pace }: Expansion): Promise<readonly RawPath[]> {
  // All are compiled before any is used, so that a mistake shows even when nothing comes so far.
  const matchers = patterns.map(goMatcher);
  let parents: readonly RawPath[] = [folder];
  for (const matcher of matchers) {
    const found: RawPath[] = [];
    for (const parent of parents) {
      await tree.look?.(parent, pace);
      for (const name of beginningWith(tree.list(parent), matcher.prefix)) {
        if (matcher.matches(name)) found.push(joinPath(parent, name));
        if (pace.isDue()) await pace.turn();
      }
      if (pace.isDue()) await pace.turn();
    }
    parents = found;
  }
  return parents;
}

/** The names with a prefix. They are sorted, so those stand together: many patterns need not be tried on all names of a large folder. */
function beginningWith(names: readonly RawPath[], prefix: RawPath): readonly RawPath[] {
  if (prefix === '') return names;
  let low = 0;
  let high = names.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((names[middle] ?? '') < prefix) low = middle + 1;
    else high = middle;
  }
  let end = low;
  while (names[end]?.startsWith(prefix) === true) end += 1;
  return names.slice(low, end);
}

function followed(tree: FileTree, match: RawPath): SourceMatch {
  const { path: resolved, entry } = resolveInTree(tree, match);
  if (entry !== undefined) return { written: match, path: resolved };
  throw new SourceError(
    'dangling-link',
    `Cannot copy "${textOfPath(match)}" from ${tree.name}: it is a symbolic link to "${textOfPath(resolved)}", which does not exist`,
    { hint: hiddenHint(tree, resolved) ?? 'A link that a source names is followed, inside the source only' },
  );
}

function missing(tree: FileTree, written: RawPath, pattern: string | undefined): SourceError {
  const { path: resolved } = resolveInTree(tree, written);
  const shown = textOfPath(written);
  const what = pattern === undefined ? `"${shown}"` : `"${pattern}"`;
  const reason = pattern === undefined ? 'there is no such file or folder' : `there is no folder "${shown}"`;
  const hidden = hiddenHint(tree, resolved);
  const through = resolved === written ? '' : ` (it leads to "${textOfPath(resolved)}")`;
  return new SourceError('missing', `Cannot copy ${what} from ${tree.name}: ${reason}${through}`, {
    hint: hidden ?? suggestion(tree, resolved),
  });
}

function hiddenHint(tree: FileTree, path: RawPath): string | undefined {
  const rule = tree.hiddenBy?.(path);
  return rule === undefined ? undefined : `"${textOfPath(path)}" is left out by ${rule}`;
}

/** The nearest name in the deepest folder that exists. */
function suggestion(tree: FileTree, path: RawPath): string | undefined {
  let wanted = path;
  while (wanted !== '' && tree.lookup(folderOf(wanted)) === undefined) wanted = folderOf(wanted);
  const folder = folderOf(wanted);
  const candidates = tree.list(folder).map((name) => textOfPath(joinPath(folder, name)));
  return didYouMean(textOfPath(wanted), candidates) ?? sameNameElsewhere(tree, nameOf(path));
}

/** People often forget the folder, or name one too many: look at the top and one folder below it. */
function sameNameElsewhere(tree: FileTree, name: RawPath): string | undefined {
  const root = rawPath('');
  const folders = [root, ...tree.list(root).filter((child) => tree.lookup(child)?.type === 'directory')].slice(0, 200);
  const found = folders.map((folder) => joinPath(folder, name)).find((candidate) => tree.lookup(candidate) !== undefined);
  return found === undefined ? undefined : `Did you mean "${textOfPath(found)}"?`;
}
