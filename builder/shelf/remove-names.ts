import type { Store } from '../../cache/store.ts';
import { UsageError } from '../contract/errors.ts';
import { findByDigest, findImage } from '../places/stored-images.ts';

/** What came of removing names. */
export interface RemovedNames {
  readonly removed: readonly string[];
  /** Why the others stay, in the order in which they were asked for. */
  readonly refused: readonly UsageError[];
}

/**
 * Removes names of images: a name itself, or, by the beginning of an id, all names of that image. Those that cannot be removed, because they are
 * not there or, when `isForced` is false, are an id with several names, are told and keep no other from going. What no name leads to any more is
 * removed by the next prune.
 */
export async function removeNames(
  store: Store,
  texts: readonly string[],
  { isForced }: { readonly isForced: boolean },
): Promise<RemovedNames> {
  const names = new Set<string>();
  const refused: UsageError[] = [];
  for (const text of texts) {
    try {
      for (const name of await namesMeant(store, text, isForced)) names.add(name);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      refused.push(error);
    }
  }
  for (const name of names) await store.images.remove(name);
  return { removed: [...names], refused };
}

async function namesMeant(store: Store, text: string, isForced: boolean): Promise<readonly string[]> {
  const found = await findImage(store, text);
  const byDigest = await findByDigest(store, text);
  const isName = !byDigest.some(({ name }) => name === found.name);
  if (isName) return [found.name];
  if (byDigest.length > 1 && !isForced) {
    throw new UsageError('IMAGE', `Cannot remove "${text}": the image has ${byDigest.length} names`, {
      hint: 'Remove one of its names, or all of them with --force',
    });
  }
  return byDigest.map(({ name }) => name);
}
