import { posix } from 'node:path';
import { Pace } from '../../registry/oci/pace.ts';
import { nameOf, pathOfText, type RawPath, rawPath } from '../../registry/oci/raw-path.ts';
import { hasWildcards, PatternError } from '../patterns/pattern.ts';
import { PatternList } from '../patterns/pattern-list.ts';
import { cleanSource, literalHint, splitPivot } from '../patterns/source-patterns.ts';
import { collectEntries, type Selection } from './copy-entries.ts';
import { findMatches, findPath, type SourceMatch } from './copy-sources.ts';
import { inlineEntry } from './inline-entry.ts';
import { SourceError } from './source-error.ts';
import type { CopyEntries } from './taken-files.ts';
import type { FileTree } from './tree.ts';

/** One source as it was written, variables expanded. */
export type CopySource =
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'heredoc'; readonly name: string; readonly text: string };

export interface CopyRequest {
  readonly sources: readonly CopySource[];
  /** `--exclude`. */
  readonly excludes: readonly string[];
  /** `--parents`. */
  readonly keepsParents: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** What one source, or one match of its wildcards, contributes. Paths are those of the tree. */
export interface PlannedGroup {
  /** Index into the request's sources. */
  readonly source: number;
  /** Where it is in the tree, links followed; '' is the root. */
  readonly path: RawPath;
  /** The name it gets in a destination that is a folder: the link's own name where a link was followed. */
  readonly name: RawPath;
  readonly sourceType: 'file' | 'directory';
  readonly keepsParents: boolean;
  /** The source itself has `to` ''. Folders come before what is in them. */
  readonly entries: CopyEntries;
}

/**
 * Decides which files a COPY or ADD takes, by BuildKit's rules, without copying any; contents are hashed on the way. Sources that match
 * nothing give no group.
 *
 * @throws SourceError that names the source
 */
export async function chooseCopiedFiles(tree: FileTree, request: CopyRequest): Promise<readonly PlannedGroup[]> {
  const excludes = patternList(request.excludes);
  const groups: PlannedGroup[] = [];
  for (const [number, source] of request.sources.entries()) {
    if (source.kind === 'heredoc') groups.push(heredocGroup(source, number));
    else await withSource(number, source.path, () => addGroups(tree, source.path, { number, request, excludes, groups }));
  }
  return groups;
}

/** The whole of a folder or a file, as `RUN --mount=type=bind` shows it. Wildcards mean nothing here. @throws SourceError */
export async function planTree(tree: FileTree, path: string, signal?: AbortSignal): Promise<PlannedGroup> {
  for (;;) {
    const match = findPath(tree, cleanSource(path));
    const selection = { includes: undefined, excludes: patternList([]) };
    const group = await groupOf(tree, match, { number: 0, keepsParents: false, selection, signal });
    if (group !== undefined) return group;
  }
}

interface PathContext {
  readonly number: number;
  readonly request: CopyRequest;
  readonly excludes: PatternList;
  /** Where the groups of this source go too. */
  readonly groups: PlannedGroup[];
}

async function addGroups(tree: FileTree, path: string, context: PathContext): Promise<void> {
  const { number, excludes, groups } = context;
  const { keepsParents, signal } = context.request;
  const { base, included } = keepsParents ? splitPivot(path) : { base: cleanSource(path), included: '' };
  const selection = { includes: included === '' ? undefined : patternList([included]), excludes };
  const pace = new Pace(signal);
  const matches = await findMatches(tree, base, pace);
  // A path without wildcards must exist, although it is only a pattern here.
  if (included !== '' && !hasWildcards(base) && !hasWildcards(included)) findPath(tree, `${base}/${included}`);
  for (const match of matches) {
    if (pace.isDue()) await pace.turn();
    // A file has nothing below the pivot that could match.
    if (keepsParents && tree.lookup(match.path)?.type !== 'directory') continue;
    const group = await groupOf(tree, match, { number, keepsParents, selection, signal });
    if (group !== undefined) groups.push(group);
    // It has vanished, and what is named literally must be there.
    else if (!hasWildcards(base)) findPath(tree, base);
  }
}

interface GroupContext {
  readonly number: number;
  readonly keepsParents: boolean;
  readonly selection: Selection;
  readonly signal: AbortSignal | undefined;
}

async function groupOf(tree: FileTree, match: SourceMatch, context: GroupContext): Promise<PlannedGroup | undefined> {
  const { number, keepsParents, selection, signal } = context;
  const entries = await collectEntries(tree, match.path, { selection, signal });
  if (entries === undefined) return undefined;
  const sourceType = tree.lookup(match.path)?.type === 'directory' ? 'directory' : 'file';
  return { source: number, path: match.path, name: nameOf(match.written), sourceType, keepsParents, entries };
}

function heredocGroup(source: CopySource & { readonly kind: 'heredoc' }, number: number): PlannedGroup {
  const name = pathOfText(source.name);
  const entries = [inlineEntry(Buffer.from(source.text))];
  return { source: number, path: rawPath(''), name, sourceType: 'file', keepsParents: false, entries };
}

function patternList(patterns: readonly string[]): PatternList {
  try {
    return PatternList.of(patterns);
  } catch (error) {
    throw patternFailure(error);
  }
}

async function withSource(source: number, path: string, operation: () => Promise<void>): Promise<void> {
  try {
    await operation();
  } catch (error) {
    const failure = patternFailure(error);
    if (!(failure instanceof SourceError)) throw failure;
    const { message, code, hint, cause } = failure;
    const climbs = code === 'missing' && posix.normalize(path.replace(/^\/+/, '')).startsWith('..');
    throw new SourceError(code, message, { hint: climbs ? climbingHint : hint, source, cause });
  }
}

const climbingHint =
  'Nothing above its top can be reached: name a folder further up as the context, or give another one with --build-context';

function patternFailure(error: unknown): unknown {
  if (!(error instanceof PatternError)) return error;
  return new SourceError('pattern', error.message, {
    hint: literalHint,
    cause: error,
  });
}
