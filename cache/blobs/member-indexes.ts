import path from 'node:path';
import type { Digest } from '../../registry/oci/digest.ts';
import { orStoreError } from '../files/errors.ts';
import { entriesIn, makeFolder, renameOver, statIfThere } from '../files/store-files.ts';
import type { StoreLayout } from '../folder/store-layout.ts';

/** The members of a compressed layer, and the blob that they are in. */
interface IndexedBlob {
  readonly index: string;
  readonly blob: string;
}

/** So many bytes of indexes are looked into: 30,000 members, which are some 25 GB of layers. */
const mostBytes = 1 << 21;

/**
 * What tells the members of compressed layers: a file for each blob. It is as good as not there when it is damaged, when the blob is gone,
 * or when the blob does not have the bytes that it tells of. It goes with its blob.
 */
export class MemberIndexes {
  readonly #layout: StoreLayout;

  constructor(layout: StoreLayout) {
    this.#layout = layout;
  }

  /** The newest first. */
  async newest(): Promise<readonly IndexedBlob[]> {
    const folder = this.#layout.members;
    const files = await orStoreError(() => filesIn(folder), 'look for members of layers', folder);
    let bytes = 0;
    return files
      .filter(({ size }) => (bytes += size) <= mostBytes)
      .map(({ name }) => ({ index: path.join(folder, name), blob: path.join(this.#layout.blobs, name) }));
  }

  /** Moves an index that the worker wrote into the store. Nothing depends on when that is durable. */
  async adopt(file: string, blob: Digest): Promise<void> {
    const target = this.#layout.membersOf(blob);
    await orStoreError(
      async () => {
        await makeFolder(path.dirname(target));
        await renameOver(file, target);
      },
      'remember the members of a layer',
      target,
    );
  }
}

interface FoundFile {
  readonly name: string;
  readonly size: number;
  readonly mtimeMs: number;
}

async function filesIn(folder: string): Promise<readonly FoundFile[]> {
  const names = (await entriesIn(folder)).map(({ name }) => name).filter((name) => /^[0-9a-f]{64}$/.test(name));
  const files = await Promise.all(names.map(async (name) => ({ name, status: await statIfThere(path.join(folder, name)) })));
  return files
    .flatMap(({ name, status }) => (status?.isFile() === true ? [{ name, size: status.size, mtimeMs: status.mtimeMs }] : []))
    .toSorted((a, b) => b.mtimeMs - a.mtimeMs);
}
