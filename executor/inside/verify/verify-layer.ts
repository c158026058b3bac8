import { fstatSync } from 'node:fs';
import path from 'node:path';
import { AT_FDCWD, O_RDWR, O_TMPFILE } from '../../../native/constants.ts';
import { close, openat } from '../../../native/files.ts';
import { fgetXattr, fsetXattr } from '../../../native/xattrs.ts';
import type { PresentEntry } from '../../../registry/oci/layer/layer-entry.ts';
import { Pace } from '../../../registry/oci/pace.ts';
import type { WorkerRequest } from '../../protocol/messages.ts';
import { openPacked, orDamaged, readable, refuseOther } from '../blob/write-layer.ts';
import { hashChunks } from '../commit/commit.ts';
import { capabilityXattr, portableCapability } from '../files/capability.ts';
import { readIndex } from '../layer/index-file.ts';
import { layerItems } from '../layer/layer-files.ts';
import { type TarItem, tarChunks } from '../layer/tar-chunks.ts';
import type { RequestContext } from '../request/request-context.ts';
import { ExpectedTree } from './expected-tree.ts';
import { changed, verifyTree } from './verify-tree.ts';

type VerifyLayerRequest = Extract<WorkerRequest, { readonly kind: 'verify-layer' }>;

/**
 * Compares the files of a layer, and all that is to be seen of them, with its index, or the tar of a packed one with its digest. The index
 * itself is for the caller to check.
 *
 * @throws Refusal ('layer-damaged') when something is missing, is not what it was, or should not be there
 */
export async function verifyLayer(request: VerifyLayerRequest, { signal }: RequestContext): Promise<Record<string, never>> {
  const { directory, diffId } = request;
  const packed = await orDamaged(() => openPacked(directory), diffId);
  if (packed === undefined) await verifyFolder(request, signal);
  else refuseOther((await hashChunks(readable(packed, diffId), signal)).diffId, diffId);
  return {};
}

async function verifyFolder({ directory, diffId, lowers, hasOurIds }: VerifyLayerRequest, signal: AbortSignal): Promise<void> {
  const fs = path.join(directory, 'fs');
  const expected = await orDamaged(() => new ExpectedTree(readIndex(path.join(directory, 'index'))), diffId);
  const tar = await hashChunks(readable(tarChunks(checkedItems({ directory, fs, hasOurIds }, expected)), diffId), signal);
  const isMade = tar.diffId === diffId;
  await orDamaged(() => verifyTree({ fs, expected, isMade, lowers, hasOurIds }, new Pace(signal)), diffId);
}

/** Compares content, which is hashed for the tar in any case, and what goes with it. */
function* checkedItems(
  { directory, fs, hasOurIds }: { readonly directory: string; readonly fs: string; readonly hasOurIds: boolean },
  { items, entries }: ExpectedTree,
): Generator<TarItem, void, undefined> {
  const mayLack = (capability: Buffer): boolean => !hasOurIds || !canHold(directory, capability);
  for (const item of layerItems(fs, items.values())) {
    const { path: at, size } = item.header;
    const { fd } = item;
    const entry = entries.get(at);
    if (fd !== undefined && (fstatSync(fd).size !== size || !isCapable(fd, entry, mayLack))) throw changed(at);
    const onContent = (digest: string): void => {
      if (entry?.type === 'file' && digest !== entry.digest) throw changed(at);
    };
    yield { ...item, onContent };
  }
}

type MayLack = (capability: Buffer) => boolean;

/** A capability that nobody gave is more than a wrong byte. One that is not there may be one that the file system cannot hold. */
function isCapable(fd: number, entry: PresentEntry | undefined, mayLack: MayLack): boolean {
  const found = fgetXattr(fd, capabilityXattr);
  if (fstatSync(fd).nlink > 1) return true;
  const text = entry?.xattrs?.[capabilityXattr];
  const wanted = text === undefined ? undefined : portableCapability(Buffer.from(text, 'base64'));
  if (found === undefined) return wanted === undefined || mayLack(wanted);
  return wanted?.equals(portableCapability(found)) === true;
}

/** Whether a file in a folder can have a capability, which takes a file system that holds them and an id map that allows it. */
function canHold(folder: string, capability: Buffer): boolean {
  try {
    // A file without a name, which goes when it is closed. (open(2))
    const fd = openat(AT_FDCWD, folder, O_TMPFILE | O_RDWR, 0o600);
    try {
      fsetXattr(fd, capabilityXattr, capability);
      return fgetXattr(fd, capabilityXattr) !== undefined;
    } finally {
      close(fd);
    }
  } catch {
    return false; // Whatever it was, it would have kept the layer's file from having it.
  }
}
