import type { Store } from '../../cache/store.ts';
import { UsageError } from '../errors.ts';
import { findByDigest, findImage } from './stored-images.ts';

/**
 * Removes names of images: a name itself, or, by the beginning of an id, all names of that image. Everything is looked up before the first
 * name goes. What no name leads to any more is removed by the next prune. UsageError when an id has several names and `isForced` is false.
 */
export async function removeNames(
  store: Store,
  texts: readonly string[],
  { isForced }: { readonly isForced: boolean },
): Promise<readonly string[]> {
  const names = new Set<string>();
  for (const text of texts) for (const name of await namesMeant(store, text, isForced)) names.add(name);
  for (const name of names) await store.images.remove(name);
  return [...names];
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
