import { createHash, type Hash } from 'node:crypto';
import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { AT_FDCWD } from '../../../native/constants.ts';
import { close, fchmodat, utimensat } from '../../../native/files.ts';
import { currentIdMaps } from '../../../native/identity.ts';
import { digestFromHex } from '../../../registry/oci/digest.ts';
import { constantTimeSeconds } from '../../../registry/oci/layer/constant-time.ts';
import type { LayerFacts } from '../../../registry/oci/layer/layer-facts.ts';
import { Pace } from '../../../registry/oci/pace.ts';
import { readTar } from '../../../registry/oci/tar/reader.ts';
import type { WorkerRequest } from '../../protocol/messages.ts';
import { decompressFile } from '../compress/decompress-file.ts';
import { second } from '../files/file-times.ts';
import { removePath } from '../files/remove.ts';
import { IndexWriter } from '../layer/index-file.ts';
import { copyDirectoryAttributes } from '../overlay/rootfs.ts';
import { Refusal } from '../request/failure.ts';
import type { RequestContext } from '../request/request-context.ts';
import { openRoot } from '../root/resolve-in-root.ts';
import { OwnersOnDisk } from './owners-on-disk.ts';
import { LayerUnpacker } from './unpack-layer.ts';

type UnpackRequest = Extract<WorkerRequest, { readonly kind: 'unpack' }>;

/**
 * Unpacks a foreign layer into `directory`/fs and writes `directory`/index. Refuses a layer whose tar has another digest than the image
 * says; whatever is refused, nothing is left behind. Nothing is synced.
 */
export async function unpack(request: UnpackRequest, context: RequestContext): Promise<LayerFacts> {
  const fs = path.join(request.directory, 'fs');
  const index = path.join(request.directory, 'index');
  checkMediaType(request.mediaType);
  try {
    mkdirSync(fs, { recursive: true });
    fchmodat(AT_FDCWD, fs, 0o755);
    utimensat(AT_FDCWD, fs, { mtimeNs: BigInt(constantTimeSeconds) * second });
    const facts = await unpackInto(fs, index, { request, context });
    const below = request.lowers.at(-1);
    if (request.isOwn === true && below !== undefined) copyDirectoryAttributes(below, fs);
    return facts;
  } catch (error) {
    await removePath(fs);
    await removePath(index);
    throw error;
  }
}

/** What a layer is compressed with is seen in its bytes; other transformations cannot be undone. */
function checkMediaType(mediaType: string): void {
  if (mediaType.endsWith('+encrypted')) {
    throw new Refusal(
      'unsupported-compression',
      'Cannot unpack an encrypted layer',
      'Decrypt the image first, for example with skopeo',
    );
  }
}

interface UnpackJob {
  readonly request: UnpackRequest;
  readonly context: RequestContext;
}

async function unpackInto(fs: string, indexPath: string, { request, context }: UnpackJob): Promise<LayerFacts> {
  const rootFd = openRoot(fs);
  try {
    using index = new IndexWriter(indexPath);
    const pace = new Pace(context.signal);
    const { blob, arriving, isOwn, lowers } = request;
    const { signal, growth } = context;
    // What was made here may be of any size.
    const own = isOwn === true ? { isPacked: true, mostGrowth: Number.POSITIVE_INFINITY } : {};
    const growing = arriving && { ...arriving, growth };
    const options = { ...own, name: 'the layer', signal, isOurs: true, growing };
    await using unpacker = new LayerUnpacker({
      rootFd,
      lowers,
      index,
      owners: new OwnersOnDisk(currentIdMaps()),
      warn: (message) => context.warn(message),
      pace,
    });
    const counter: Counter = { hash: createHash('sha256'), sizeBytes: 0, tell: (doneBytes) => context.progress(doneBytes) };
    const bytes = decompressFile(blob, options);
    for await (const entry of readTar(counted(bytes, counter), { sizeBytes: arriving?.sizeBytes ?? statSync(blob).size })) {
      await unpacker.apply(entry);
      if (pace.isDue()) await pace.turn();
    }
    await unpacker.finish();
    index.finish();
    const diffId = digestFromHex(counter.hash.digest('hex'));
    if (diffId !== request.diffId) {
      throw new Refusal(
        'digest-mismatch',
        `Cannot use a layer: its tar has the digest ${diffId}, the image says ${request.diffId}`,
      );
    }
    return { diffId, sizeBytes: counter.sizeBytes, entries: index.entries };
  } finally {
    close(rootFd);
  }
}

interface Counter {
  readonly hash: Hash;
  sizeBytes: number;
  tell(doneBytes: number): void;
}

/** How many bytes of a tar are taken in before main is told again. */
const progressStep = 4 * 1024 * 1024;

async function* counted(chunks: AsyncIterable<Uint8Array>, counter: Counter): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    counter.hash.update(chunk);
    const steps = Math.floor(counter.sizeBytes / progressStep);
    counter.sizeBytes += chunk.length;
    if (Math.floor(counter.sizeBytes / progressStep) > steps) counter.tell(counter.sizeBytes);
    yield chunk;
    // Chunks that are at hand already would keep the output of commands waiting.
    await nextTurn();
  }
}
