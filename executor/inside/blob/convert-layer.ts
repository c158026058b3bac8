import type { WorkerRequest, WorkerResults } from '../../protocol/messages.ts';
import { decompressFile } from '../compress/decompress-file.ts';
import { rechunked } from '../layer/tar-chunks.ts';
import { Refusal } from '../request/failure.ts';
import type { RequestContext } from '../request/request-context.ts';
import { writeBlob } from './write-blob.ts';

type ConvertLayerRequest = Extract<WorkerRequest, { readonly kind: 'convert-layer' }>;

/** Compresses a layer that came as a blob in another way: the same tar in a new file. Refuses a blob that holds another tar. */
export async function convertLayer(
  { blob, diffId, output, compression, isInBackground, members }: ConvertLayerRequest,
  { signal }: RequestContext,
): Promise<WorkerResults['convert-layer']> {
  return writeBlob(rechunked(decompressFile(blob, { name: 'the layer', signal, isOurs: true })), {
    output,
    compression,
    isInBackground,
    members,
    signal,
    check: (found) => {
      if (found === diffId) return;
      throw new Refusal('digest-mismatch', `Cannot use a layer: its tar has the digest ${found}, the image says ${diffId}`);
    },
  });
}
