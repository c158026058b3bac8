import { createHash } from 'node:crypto';
import path from 'node:path';
import { AT_FDCWD, O_DIRECTORY, O_PATH, O_RDONLY } from '../../../native/constants.ts';
import { close, openat } from '../../../native/files.ts';
import { digestFromHex } from '../../../registry/oci/digest.ts';
import type { LayerFacts } from '../../../registry/oci/layer/layer-facts.ts';
import { Pace, type Pause, pause } from '../../../registry/oci/pace.ts';
import { IndexWriter } from '../layer/index-file.ts';
import { entryHeader } from '../layer/layer-header.ts';
import { type TarItem, tarChunks } from '../layer/tar-chunks.ts';
import { setRootAttributes } from './root-attributes.ts';
import { type FoundEntry, type WalkOptions, walkLayer } from './walk.ts';

/** What a layer is made of. */
export interface CommitOptions {
  /** Holds `fs`, the layer folder, in which nobody writes any more; gets the file `index`. */
  readonly directory: string;
  /** The layers below as one tree, absolute; undefined when there are none. */
  readonly base: string | undefined;
  /** Nanoseconds since the epoch: files changed since then get the constant time. */
  readonly buildStartNs: bigint;
  readonly signal: AbortSignal;
  readonly warn: (message: string) => void;
}

/**
 * Makes a layer of a layer folder: sets times in the folder, hashes the tar that stands for it, and writes the index. Only the trees
 * decide the result. Nothing is synced.
 */
export async function commitLayer({ directory, base, buildStartNs, signal, warn }: CommitOptions): Promise<LayerFacts> {
  const upperFd = openat(AT_FDCWD, path.join(directory, 'fs'), O_RDONLY | O_DIRECTORY);
  const baseFd = base === undefined ? undefined : openat(AT_FDCWD, base, O_PATH | O_DIRECTORY);
  try {
    using index = new IndexWriter(path.join(directory, 'index'));
    const walk: WalkOptions = { upperFd, baseFd, buildStartNs, warn };
    const tar = await hashChunks(tarChunks(indexed(walkLayer(walk), index)), signal);
    index.finish();
    setRootAttributes(walk);
    return { ...tar, entries: index.entries };
  } finally {
    close(upperFd);
    if (baseFd !== undefined) close(baseFd);
  }
}

/** Hands entries to the tar, and writes them down when the digest of their content is known. */
function* indexed(found: Iterable<FoundEntry | Pause>, index: IndexWriter): Generator<TarItem | Pause, void, undefined> {
  for (const item of found) {
    if (item === pause) {
      yield pause;
      continue;
    }
    const { entry, fd } = item;
    let digest = '';
    const onContent = (hex: string): void => {
      digest = hex;
    };
    yield { header: entryHeader(entry), fd, onContent };
    index.add(entry.type === 'file' ? { ...entry, digest } : entry);
  }
}

/** The digest of a tar. `write` is called again only when its promise has settled, while the next chunk is made. */
export async function hashChunks(
  chunks: AsyncIterable<Uint8Array | Pause> | Iterable<Uint8Array | Pause>,
  signal: AbortSignal,
  write?: (chunk: Uint8Array) => Promise<void>,
): Promise<Pick<LayerFacts, 'diffId' | 'sizeBytes'>> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  let writing: Promise<void> | undefined;
  const pace = new Pace(signal);
  for await (const chunk of chunks) {
    if (chunk !== pause) {
      await writing;
      writing = write?.(chunk);
      writing?.catch(() => undefined); // seen at the next turn, unless something else fails first
      hash.update(chunk);
      sizeBytes += chunk.length;
    }
    // Output of commands that run meanwhile must keep flowing, and a cancel must be seen.
    await pace.turn();
  }
  await writing;
  return { diffId: digestFromHex(hash.digest('hex')), sizeBytes };
}
