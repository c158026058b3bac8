import { createHash } from 'node:crypto';
import type { Store } from '../../cache/store.ts';
import { Pace } from '../../registry/oci/pace.ts';
import { type CopySource, chooseCopiedFiles, type PlannedGroup } from '../context/copy-plan.ts';
import { changedEntries } from '../context/taken-files.ts';
import { allLines, type CopyDigest, copyDigest } from '../keys/copy-digest.ts';
import type { KeyedGroup } from '../keys/keyed-action.ts';
import { once } from '../session/once.ts';
import type { OpenSource } from './source-trees.ts';

/** A source with everything that is decided about it. */
export interface DecidedGroup extends PlannedGroup {
  readonly isArchive: boolean;
}

/** What a COPY or ADD wants of a tree. */
export interface FilesRequest {
  readonly sources: readonly CopySource[];
  readonly excludes: readonly string[];
  readonly keepsParents: boolean;
  readonly replacesOwner: boolean;
  readonly replacesMode: boolean;
}

/** The files that a step takes: what its key says of them, and the files themselves when somebody needs them. */
export interface PlannedFiles {
  readonly keyed: readonly KeyedGroup[];
  readonly groups: () => Promise<readonly DecidedGroup[]>;
  readonly inputs: () => Promise<Iterable<string>>;
}

/**
 * Decides what a step takes from a source. For a source that is known by what it contains, the answer of an earlier build serves: then the
 * tree is not opened, and a step that is cached needs no layer of the image that it copies from.
 *
 * @throws SourceError
 */
export async function planFiles(
  source: OpenSource,
  request: FilesRequest,
  { store, signal }: { readonly store: Store; readonly signal: AbortSignal },
): Promise<PlannedFiles> {
  const { sources, excludes, keepsParents } = request;
  const decided = once(async () => {
    const groups = await chooseCopiedFiles(await source.tree(), { sources, excludes, keepsParents, signal });
    return decideFiles(
      groups.map((group) => ({ ...group, isArchive: false })),
      { ...request, signal },
    );
  });
  const keyed = await remembered(source.identity && ['files', 1, source.identity, request], store, {
    compute: async () => (await decided()).keyed,
    isValue: isKeyedGroups,
  });
  return { keyed, groups: async () => (await decided()).groups, inputs: async () => (await decided()).inputs() };
}

/** Groups with what their keys say of them. */
export interface DecidedFiles {
  readonly keyed: readonly KeyedGroup[];
  readonly groups: readonly DecidedGroup[];
  readonly inputs: () => Promise<Iterable<string>>;
}

/** The same for groups that are decided already. */
export async function decideFiles(
  groups: readonly DecidedGroup[],
  deciding: Pick<FilesRequest, 'replacesOwner' | 'replacesMode'> & { readonly signal: AbortSignal },
): Promise<DecidedFiles> {
  const { replacesOwner, replacesMode } = deciding;
  const pace = new Pace(deciding.signal);
  const digests: CopyDigest[] = [];
  const keyed: KeyedGroup[] = [];
  for (const { entries, name, sourceType, keepsParents, isArchive } of groups) {
    const found = await copyDigest(entries, { replacesOwner, replacesMode, isArchive, pace });
    digests.push(found);
    keyed.push({ digest: found.digest, name, sourceType, keepsParents, isArchive });
  }
  return { keyed, groups, inputs: async () => allLines(digests.map(({ inputs }) => inputs())) };
}

/** The group with one time for all that is in it. */
export function withTime(group: DecidedGroup, mtime: number): DecidedGroup {
  return { ...group, entries: changedEntries(group.entries, (entry) => ({ ...entry, mtime })) };
}

/** A group whose time is part of the result, and so of the key. */
export function timedKey(group: KeyedGroup, mtime: number | undefined): KeyedGroup {
  const digest = createHash('sha256')
    .update(`${group.digest}\0${mtime ?? ''}`)
    .digest('hex');
  return { ...group, digest };
}

interface DerivedValue<T> {
  readonly compute: () => Promise<T>;
  readonly isValue: (value: unknown) => value is T;
}

/** A value that follows from its name alone, as an earlier build found it. Without a name it is computed. */
export async function remembered<T>(
  name: readonly unknown[] | '' | undefined,
  store: Store,
  { compute, isValue }: DerivedValue<T>,
): Promise<T> {
  if (name === undefined || name === '') return compute();
  const key = JSON.stringify(name);
  const text = await store.derived.get(key);
  if (text !== undefined) {
    const value = parsed(text);
    if (isValue(value)) return value;
  }
  const computed = await compute();
  await store.derived.put(key, JSON.stringify(computed));
  return computed;
}

/** A damaged answer is no answer. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isKeyedGroups(value: unknown): value is readonly KeyedGroup[] {
  return Array.isArray(value) && value.every(isKeyedGroup);
}

function isKeyedGroup(value: unknown): value is KeyedGroup {
  if (typeof value !== 'object' || value === null) return false;
  const { digest, name, sourceType, keepsParents, isArchive }: Partial<Record<keyof KeyedGroup, unknown>> = value;
  const isTyped = sourceType === 'file' || sourceType === 'directory';
  return (
    isTyped &&
    typeof digest === 'string' &&
    typeof name === 'string' &&
    typeof keepsParents === 'boolean' &&
    typeof isArchive === 'boolean'
  );
}
