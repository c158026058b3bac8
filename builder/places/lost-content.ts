import { isCorrupt } from '../../cache/files/errors.ts';
import type { Store } from '../../cache/store.ts';
import type { Descriptor } from '../../registry/oci/descriptor.ts';
import { lostImage } from '../bases/lost-image.ts';
import { layersOf } from './blob-origins.ts';

/** Works on an image of the store. When some of it is damaged or lost, the error names the image and what brings it back. */
export async function ofImage<T>(name: string, store: Store, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isCorrupt(error)) throw error;
    const { path, isRemoved } = error;
    throw lostImage(name, error, { hint: await cureFor(name, path, store), isRemoved });
  }
}

async function cureFor(name: string, lost: string, store: Store): Promise<string> {
  for (const { reference, descriptor } of await store.resolved.list()) {
    if (reference === name || (await isIn(descriptor, lost, store))) return `Run "tsbuild pull ${reference}"`;
  }
  return `Build, load or pull "${name}" again`;
}

async function isIn({ digest }: Descriptor, lost: string, store: Store): Promise<boolean> {
  const digests = [digest, ...(await layersOf(store, digest))];
  return digests.some((one) => store.blobs.path(one) === lost);
}
