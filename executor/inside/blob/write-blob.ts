import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Digest, digestFromHex, hexOf } from '../../../registry/oci/digest.ts';
import { FlowingWriter } from '../../../registry/oci/files/flowing-writer.ts';
import { Pace, type Pause, pause } from '../../../registry/oci/pace.ts';
import { unreachable } from '../../../registry/oci/unreachable.ts';
import type { LayerCompression, MemberFiles } from '../../protocol/messages.ts';
import type { FileContent } from '../compress/cut-members.ts';
import { MemberMemory } from '../compress/member-memory.ts';

/** How the tar of a layer becomes a blob. */
export interface BlobOutput {
  /** The file, which is new. */
  readonly output: string;
  readonly compression: LayerCompression;
  /** Threads that compress have a lower priority. */
  readonly isInBackground?: boolean | undefined;
  readonly signal: AbortSignal;
  readonly members?: MemberFiles | undefined;
  /** See CutOptions. */
  readonly contents?: Iterator<FileContent> | undefined;
  /** @throws when the tar is not what it should be */
  readonly check?: (diffId: Digest) => void;
}

/** A blob that was written. */
export interface WrittenBlob {
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** Of the tar inside. */
  readonly diffId: Digest;
}

type Chunks = Iterable<Uint8Array | Pause> | AsyncIterable<Uint8Array | Pause>;

/** Compresses a tar into a new file, and syncs it. A failed write leaves no file. */
export async function writeBlob(tar: Chunks, options: BlobOutput): Promise<WrittenBlob> {
  const { output, signal, check, members, compression } = options;
  const tarHash = createHash('sha256');
  using memory = members && new MemberMemory(members);
  await using file = await open(output, 'wx', 0o644);
  try {
    const chunks = await compressed(hashed(tar, tarHash, signal), { ...options, memory });
    const blob = await writeHashed(file, chunks, { hasOwnMemory: compression.kind !== 'none' });
    const diffId = digestFromHex(tarHash.digest('hex'));
    check?.(diffId);
    await memory?.write(hexOf(blob.digest));
    return { ...blob, diffId };
  } catch (error) {
    await rm(output, { force: true });
    throw error;
  }
}

async function* hashed(chunks: Chunks, hash: Hash, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  const pace = new Pace(signal);
  for await (const chunk of chunks) {
    signal.throwIfAborted();
    if (chunk !== pause) {
      hash.update(chunk);
      yield chunk;
    }
    if (pace.isDue()) await pace.turn();
  }
}

interface CompressionInput extends Pick<BlobOutput, 'compression' | 'contents' | 'isInBackground'> {
  readonly memory: MemberMemory | undefined;
}

async function compressed(
  tar: AsyncIterable<Uint8Array>,
  { compression, memory, contents, isInBackground }: CompressionInput,
): Promise<AsyncIterable<Uint8Array>> {
  switch (compression.kind) {
    case 'none':
      return tar;
    case 'gzip':
    case 'zstd': {
      const { compressTar } = await import('../compress/compress-tar.ts');
      return compressTar(tar, { compression, memory, contents, isInBackground });
    }
    default:
      return unreachable(compression);
  }
}

/** `hasOwnMemory`: each chunk has, so that the next one can be made while it is written. */
async function writeHashed(
  file: FileHandle,
  chunks: AsyncIterable<Uint8Array>,
  { hasOwnMemory }: { readonly hasOwnMemory: boolean },
): Promise<Pick<WrittenBlob, 'digest' | 'sizeBytes'>> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  await using writer = new FlowingWriter(file);
  for await (const chunk of chunks) {
    await writer.write(chunk);
    hash.update(chunk);
    sizeBytes += chunk.length;
    if (!hasOwnMemory) await writer.written();
    await nextTurn();
  }
  await writer.finish();
  return { digest: digestFromHex(hash.digest('hex')), sizeBytes };
}
