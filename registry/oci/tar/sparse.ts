import { blockSize, numberField } from './block.ts';
import type { PaxRecord } from './pax.ts';
import { paxNumber } from './pax.ts';
import { TarError } from './tar-error.ts';

/** A piece of a sparse file that is in the archive; between the pieces are holes. */
export interface SparseRegion {
  readonly offset: number;
  readonly length: number;
}

/** What is known of a sparse file. (GNU tar manual, "Storing Sparse Files") */
export interface SparseFile {
  /** Bytes of the file, holes included. */
  readonly size: number;
  readonly regions: readonly SparseRegion[];
}

/** More regions than any sane file has; each costs memory. */
const maxRegions = 1 << 18;

/** How much a hole is at a time. */
const holeChunk = Buffer.alloc(1 << 16);

/** True for a chunk of content that holds nothing but zeros, so that writers can seek instead: what was sparse before an archive is so again. */
export function isHole(chunk: Uint8Array): boolean {
  if (chunk.buffer === holeChunk.buffer) return true;
  for (let at = 0; at < chunk.length; at += holeChunk.length) {
    const length = Math.min(holeChunk.length, chunk.length - at);
    if (holeChunk.compare(chunk, at, at + length, 0, length) !== 0) return false;
  }
  return true;
}

/** The content of a sparse file, holes as zeros. `data` are the bytes that the archive holds. */
export async function* expandSparse(
  data: AsyncIterable<Uint8Array>,
  { size, regions }: SparseFile,
): AsyncGenerator<Uint8Array, void, undefined> {
  let position = 0;
  let region = 0;
  let left = regions[0]?.length ?? 0;
  for await (const chunk of data) {
    for (let at = 0; at < chunk.length; ) {
      while (left === 0) {
        region += 1;
        left = regions[region]?.length ?? 0;
      }
      const start = (regions[region]?.offset ?? 0) + (regions[region]?.length ?? 0) - left;
      yield* hole(start - position);
      const piece = chunk.subarray(at, at + left);
      yield piece;
      at += piece.length;
      left -= piece.length;
      position = start + piece.length;
    }
  }
  yield* hole(size - position);
}

function* hole(length: number): Generator<Uint8Array, void, undefined> {
  for (let left = length; left > 0; left -= holeChunk.length) {
    yield left >= holeChunk.length ? holeChunk : holeChunk.subarray(0, left);
  }
}

/** @throws unless the regions are in order, inside the file, and as long as the data in the archive */
export function checkSparse({ size, regions }: SparseFile, dataSize: number): void {
  let end = 0;
  let stored = 0;
  for (const { offset, length } of regions) {
    if (offset < end || length > size - offset) {
      throw new TarError('invalid-sparse', `a sparse file of ${size} bytes holds a piece at ${offset} that is out of place`);
    }
    end = offset + length;
    stored += length;
  }
  if (stored !== dataSize) {
    throw new TarError('invalid-sparse', `a sparse file has ${dataSize} bytes in the archive and ${stored} in its map`);
  }
}

/** The regions in an old GNU header or one of the blocks that follow it: pairs of numbers up to an empty one. */
export function oldGnuRegions(block: Buffer, [start, count]: readonly [offset: number, count: number]): SparseRegion[] {
  const regions: SparseRegion[] = [];
  for (let at = start; at < start + count * 24 && block[at] !== 0; at += 24) {
    regions.push({ offset: numberField(block, [at, 12]), length: numberField(block, [at + 12, 12]) });
  }
  return regions;
}

/** Where a header of the old GNU format holds the map, its continuation mark and the real size. */
export const oldGnu = {
  inHeader: [386, 4],
  isExtended: 482,
  realSize: [483, 12],
  inExtension: [0, 21],
  isExtendedAgain: 504,
} as const;

/** The map of the PAX formats 0.0 (many records) and 0.1 (one record); undefined when there is none. */
export function mapInRecords(records: readonly PaxRecord[]): SparseRegion[] | undefined {
  const numbers = records.flatMap((record) => {
    if (record.key === 'GNU.sparse.map') {
      return record.value === '' ? [] : record.value.split(',').map((value) => paxNumber({ key: record.key, value }));
    }
    return record.key === 'GNU.sparse.offset' || record.key === 'GNU.sparse.numbytes' ? [paxNumber(record)] : [];
  });
  const hasMap = records.some(({ key }) => key === 'GNU.sparse.map' || key === 'GNU.sparse.numblocks');
  return hasMap ? regionsOf(numbers) : undefined;
}

/** Reads the map of the PAX format 1.0, which stands before the data: decimal lines, padded to a block. */
export async function readMapInData(takeBlock: () => Promise<Buffer>): Promise<SparseRegion[]> {
  let text = '';
  const numbers: number[] = [];
  for (let wanted = 1; numbers.length < wanted; ) {
    text += (await takeBlock()).toString('latin1', 0, blockSize);
    const lines = text.split('\n');
    text = lines.pop() ?? '';
    for (const value of lines) {
      if (numbers.length < wanted) {
        numbers.push(paxNumber({ key: 'sparse map', value }));
        wanted = 1 + 2 * Math.min(numbers[0] ?? 0, maxRegions + 1);
      }
    }
    if (numbers.length < wanted && text.length > 20) {
      throw new TarError('invalid-sparse', 'the map of a sparse file holds a line that is no number');
    }
  }
  return regionsOf(numbers.slice(1));
}

function regionsOf(numbers: readonly number[]): SparseRegion[] {
  if (numbers.length % 2 !== 0 || numbers.length > 2 * maxRegions || numbers.some((number) => number < 0)) {
    throw new TarError('invalid-sparse', 'the map of a sparse file is not made of pairs, or is too long');
  }
  return Array.from({ length: numbers.length / 2 }, (_, index) => ({
    offset: numbers[2 * index] ?? 0,
    length: numbers[2 * index + 1] ?? 0,
  }));
}

/** @throws when a map that is read piece by piece grows beyond reason */
export function checkRegionCount(count: number): void {
  if (count > maxRegions) {
    throw new TarError('too-large', `the map of a sparse file has more than ${maxRegions} pieces`);
  }
}
