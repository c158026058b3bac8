import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { endOfArchive, paddingOf } from '../../registry/oci/tar/block.ts';
import { encodeTarHeader } from '../../registry/oci/tar/writer.ts';
import { isSystemError } from '../../registry/oci/thrown.ts';
import { archiveEntries } from './archive.ts';
import type { LayoutFile } from './layout-files.ts';

/** Bytes at a place of an archive: as they are, or by their digest. */
type Piece =
  | { readonly kind: 'bytes'; readonly start: number; readonly bytes: Uint8Array }
  | { readonly kind: 'blob'; readonly start: number; readonly size: number; readonly path: string };

/**
 * True when a file holds, byte for byte, the archive that layoutArchive() gives for these files. To read it takes half the time of writing it again,
 * most of which the disk needs. A file that differs is mostly known by its size or its headers.
 */
export async function isSameArchive(path: string, files: readonly LayoutFile[], signal?: AbortSignal): Promise<boolean> {
  try {
    await using handle = await open(path, 'r');
    const pieces = piecesOf(files);
    const last = pieces.at(-1);
    const end = last === undefined ? 0 : endOf(last);
    const isAsLong = (await handle.stat()).size === end;
    return isAsLong && (await hasBytes(handle, pieces)) && (await hasBlobs(handle, pieces, signal));
  } catch (error) {
    // What cannot be read is written again.
    if (isSystemError(error)) return false;
    throw error;
  }
}

function piecesOf(files: readonly LayoutFile[]): readonly Piece[] {
  const pieces: Piece[] = [];
  let start = 0;
  const add = (piece: Piece): void => {
    pieces.push(piece);
    start = endOf(piece);
  };
  for (const { header, file } of archiveEntries(files)) {
    add({ kind: 'bytes', start, bytes: encodeTarHeader(header) });
    if (file !== undefined && 'bytes' in file) add({ kind: 'bytes', start, bytes: file.bytes });
    else if (file !== undefined) add({ kind: 'blob', start, size: file.sizeBytes, path: file.path });
    add({ kind: 'bytes', start, bytes: Buffer.alloc(paddingOf(header.size)) });
  }
  add({ kind: 'bytes', start, bytes: endOfArchive });
  return pieces;
}

function endOf(piece: Piece): number {
  return piece.start + (piece.kind === 'bytes' ? piece.bytes.length : piece.size);
}

async function hasBytes(handle: FileHandle, pieces: readonly Piece[]): Promise<boolean> {
  for (const piece of pieces) {
    if (piece.kind !== 'bytes') continue;
    const found = Buffer.alloc(piece.bytes.length);
    const { bytesRead } = await handle.read(found, 0, found.length, piece.start);
    if (bytesRead !== found.length || !found.equals(piece.bytes)) return false;
  }
  return true;
}

async function hasBlobs(handle: FileHandle, pieces: readonly Piece[], signal: AbortSignal | undefined): Promise<boolean> {
  for (const piece of pieces) if (piece.kind === 'blob' && !(await hasBlob(handle, piece, signal))) return false;
  return true;
}

const chunkBytes = 1 << 20;

/** A blob of a layout is called after its algorithm and digest. (image-spec, image-layout.md "Blobs") Reads on while it hashes. */
async function hasBlob(
  handle: FileHandle,
  { start, size, path }: Extract<Piece, { kind: 'blob' }>,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const [, algorithm = '', digest] = path.split('/');
  const whole = createHash(algorithm);
  const buffers = [Buffer.allocUnsafe(chunkBytes), Buffer.allocUnsafe(chunkBytes)] as const;
  const readAt = (position: number): Promise<{ bytesRead: number; buffer: Buffer }> =>
    handle.read(buffers[(position / chunkBytes) % 2 === 0 ? 0 : 1], 0, Math.min(chunkBytes, size - position), start + position);
  let reading = readAt(0);
  for (let position = 0; position < size; position += chunkBytes) {
    const { bytesRead, buffer } = await reading;
    signal?.throwIfAborted();
    if (bytesRead !== Math.min(chunkBytes, size - position)) return false;
    if (position + chunkBytes < size) reading = readAt(position + chunkBytes);
    whole.update(buffer.subarray(0, bytesRead));
  }
  return whole.digest('hex') === digest;
}
