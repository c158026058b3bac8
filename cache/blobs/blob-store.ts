import { createHash } from 'node:crypto';
import type { Stats } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { Descriptor } from '../../registry/oci/descriptor.ts';
import { algorithmOf, type Digest, digestFromHex, digestLike, digestOf } from '../../registry/oci/digest.ts';
import type { BlobSource } from '../../registry/oci/image-source.ts';
import { orStoreError, StoreError, storeError } from '../files/errors.ts';
import { makeFolder, openIfThere, readIfThere, renameOver, statIfThere } from '../files/store-files.ts';
import type { StoreLayout } from '../folder/store-layout.ts';
import { BlobWriter, type ExpectedBlob, type OnGrown } from './blob-writer.ts';

/** Gives a new path in the build's own folder for a file that is not complete. */
export type NewPath = () => Promise<string>;

interface PutOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with the bytes so far. */
  readonly onProgress?: ((doneBytes: number) => void) | undefined;
  /** For those who can begin with bytes that are not verified yet. The file gets another name, or goes, when all have come. */
  readonly onGrown?: OnGrown | undefined;
}

interface FetchOptions extends PutOptions {
  /** A blob that is there is read and compared with its digest; called when it is damaged, before it is fetched again. */
  readonly onDamage?: ((digest: Digest) => void) | undefined;
}

/** Content by digest. A blob was verified before it got its name; whoever reads it is told when it is not the same any more. */
export class BlobStore {
  readonly #layout: StoreLayout;
  readonly #newPath: NewPath;

  constructor(layout: StoreLayout, newPath: NewPath) {
    this.#layout = layout;
    this.#newPath = newPath;
  }

  /** Where the blob is, or would be. */
  path(digest: Digest): string {
    return this.#layout.blob(digest);
  }

  async has(digest: Digest): Promise<boolean> {
    return (await this.#status(digest))?.isFile() === true;
  }

  /**
   * Fetches a blob unless it is there already, in its size, and gives its path. Going on where a connection breaks is the source's part.
   * StoreError 'digest-mismatch' or 'size-mismatch' when the content is not what the descriptor says; nothing of it is kept.
   */
  async fetch(descriptor: Descriptor, source: BlobSource, options: FetchOptions = {}): Promise<string> {
    const target = this.path(descriptor.digest);
    if (await this.#isUsable(descriptor, options)) return target;
    const { signal } = options;
    const { bytes } = await source.open(descriptor, signal === undefined ? {} : { signal });
    return this.put(bytes, { digest: descriptor.digest, size: descriptor.size, source: source.name }, options);
  }

  /** Stores a stream that can be read once. The same checks as in fetch(). */
  async put(bytes: AsyncIterable<Uint8Array>, expected: ExpectedBlob, options: PutOptions = {}): Promise<string> {
    const target = this.path(expected.digest);
    await using writer = await BlobWriter.create(expected, await this.#newPath(), options.onGrown);
    for await (const chunk of bytes) {
      options.signal?.throwIfAborted();
      await writer.write(chunk);
      options.onProgress?.(writer.written);
    }
    await makeParent(target);
    await writer.finish(target);
    return target;
  }

  /** Stores bytes held in memory (manifests, configurations) under their digest: the one that others know them by, else their sha256. */
  async putBytes(bytes: Uint8Array, digest: Digest = digestOf(bytes)): Promise<Digest> {
    const present = await orStoreError(() => readIfThere(this.path(digest)), `read blob ${digest}`, this.path(digest));
    if (present?.equals(bytes) !== true) await this.put(once(bytes), { digest, size: bytes.length, source: 'this build' });
    return digest;
  }

  /**
   * Moves a file that the worker wrote into the store. Its digest was computed while it was written, so it is not read again; the
   * caller's next flush makes it durable before anything names it.
   */
  async adopt(file: string, digest: Digest): Promise<string> {
    const target = this.path(digest);
    await renameOver(file, target);
    return target;
  }

  /**
   * The content, verified: a blob that was changed on disk is removed, and the iteration ends in a StoreError ('corrupt'). The last piece is
   * given when all is known to be right, so nobody who counts has a whole blob that is wrong.
   */
  async *read(
    { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
    highWaterMark: number = 1 << 18,
  ): AsyncGenerator<Uint8Array> {
    const hash = createHash(algorithmOf(digest));
    let last: Uint8Array | undefined;
    let read = 0;
    for await (const bytes of this.#chunks(digest, highWaterMark)) {
      hash.update(bytes);
      read += bytes.length;
      // Whoever takes no more than was announced would not ask for the rest, which tells.
      if (read > size) break;
      if (last !== undefined) yield last;
      last = bytes;
    }
    await this.#check(digest, digestFromHex(hash.digest('hex'), algorithmOf(digest)));
    if (last !== undefined) yield last;
  }

  /** Reads a blob to its end, and says whether it is what its name says. Damaged content is not removed. StoreError when it cannot be read. */
  async isWhole(digest: Digest, signal?: AbortSignal): Promise<boolean> {
    const hash = createHash(algorithmOf(digest));
    for await (const bytes of this.#chunks(digest, 1 << 20)) {
      signal?.throwIfAborted();
      hash.update(bytes);
    }
    return digestFromHex(hash.digest('hex'), algorithmOf(digest)) === digest;
  }

  /** Reads a blob to its end. @throws StoreError ('corrupt') when it is damaged, and is gone then, or not there */
  async verify(digest: Digest, signal?: AbortSignal): Promise<void> {
    const size = Number.POSITIVE_INFINITY;
    for await (const _ of this.read({ digest, size }, 1 << 20)) signal?.throwIfAborted();
  }

  /** The content of a small blob, verified. undefined when it is not there. */
  async readBytes(digest: Digest): Promise<Uint8Array | undefined> {
    try {
      const bytes = await readIfThere(this.path(digest));
      if (bytes === undefined) return undefined;
      await this.#check(digest, digestLike(digest, bytes));
      return bytes;
    } catch (error) {
      throw storeError(error, `read blob ${digest}`, this.path(digest));
    }
  }

  /** The same of a manifest, an index or a configuration, which must be there. StoreError 'corrupt' when it is missing or damaged. */
  async readDocument(digest: Digest): Promise<Uint8Array> {
    const bytes = await this.readBytes(digest);
    if (bytes !== undefined) return bytes;
    const hint = 'Build or pull the image again';
    throw new StoreError('corrupt', `Cannot read blob ${digest}: it is not in the store`, { path: this.path(digest), hint });
  }

  /** Removes a blob; fine when it is not there. @throws StoreError */
  async remove(digest: Digest): Promise<void> {
    const file = this.path(digest);
    await orStoreError(() => rm(file, { force: true, recursive: true }), `remove blob ${digest}`, file);
  }

  /** A length that is wrong costs nothing to see; the content is looked at when that is asked for. */
  async #isUsable({ digest, size }: Descriptor, { onDamage, signal }: FetchOptions): Promise<boolean> {
    const status = await this.#status(digest);
    if (status === undefined) return false;
    if (status.isFile() && status.size === size && (onDamage === undefined || (await this.isWhole(digest, signal)))) return true;
    await this.remove(digest);
    onDamage?.(digest);
    return false;
  }

  #status(digest: Digest): Promise<Stats | undefined> {
    return orStoreError(() => statIfThere(this.path(digest)), `look for blob ${digest}`, this.path(digest));
  }

  async *#chunks(digest: Digest, highWaterMark: number): AsyncGenerator<Buffer> {
    try {
      const opened = await openIfThere(this.path(digest));
      if (opened === undefined) throw this.#lost(digest);
      if (opened === 'no file') throw await this.#withoutOther(digest);
      await using handle = opened;
      yield* handle.createReadStream({ highWaterMark, autoClose: false });
    } catch (error) {
      throw storeError(error, `read blob ${digest}`, this.path(digest));
    }
  }

  async #check(expected: Digest, found: Digest): Promise<void> {
    if (found === expected) return;
    await this.remove(expected);
    throw new StoreError('corrupt', `Cannot read blob ${expected} from the store: its content has the digest ${found}`, {
      path: this.path(expected),
      hint: 'The damaged blob was removed; build or pull the image again to have it anew',
      isRemoved: true,
    });
  }

  /** What is no file is no blob. */
  async #withoutOther(digest: Digest): Promise<StoreError> {
    await this.remove(digest);
    return new StoreError('corrupt', `Cannot read blob ${digest} from the store: something else has its place`, {
      path: this.path(digest),
      hint: 'That was removed; build or pull the image again to have it anew',
      isRemoved: true,
    });
  }

  #lost(digest: Digest): StoreError {
    return new StoreError('corrupt', `Cannot read blob ${digest}: it is not in the store`, {
      path: this.path(digest),
      hint: 'Build or pull the image again',
    });
  }
}

/** New stores have a folder for sha256 alone, and a folder for blobs on their way somewhere has none. */
async function makeParent(target: string): Promise<void> {
  await orStoreError(() => makeFolder(path.dirname(target)), 'make a folder for blobs', target);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
