import { createHash, hash } from 'node:crypto';
import { StringDecoder } from 'node:string_decoder';
import { isJsonObject, type JsonObject } from '../../registry/oci/json.ts';
import type { LayerEntry, PresentEntry } from '../../registry/oci/layer/layer-entry.ts';
import { digestLength, entriesOf, type LayerRun } from '../../registry/oci/layer/layer-run.ts';
import type { RawPath } from '../../registry/oci/raw-path.ts';
import { orStoreError, StoreError, storeError } from '../files/errors.ts';
import { openIfThere, readIfThere } from '../files/store-files.ts';

/** What one layer says, by path. A path that occurs twice in the layer keeps its last entry. */
export interface LayerIndex {
  readonly entries: ReadonlyMap<RawPath, PresentEntry>;
  /** Paths of lower layers that are gone. */
  readonly whiteouts: ReadonlySet<RawPath>;
  /** Folders whose content in lower layers is hidden. */
  readonly opaque: ReadonlySet<RawPath>;
}

/**
 * The entries of a layer's index, in the order of its tar.
 *
 * @throws StoreError ('corrupt') for lines that are none, and at the end when the file has not the digest (sha256, hex) that it had
 */
export async function* readLayerIndex(file: string, digest?: string): AsyncGenerator<LayerEntry> {
  const decoder = new StringDecoder('utf8');
  const found = createHash('sha256');
  let rest = '';
  const opened = await orStoreError(() => openIfThere(file), 'read the index of a layer', file);
  if (opened === undefined || opened === 'no file') throw damaged(file);
  await using handle = opened;
  try {
    for await (const chunk of handle.createReadStream({ highWaterMark: 1 << 18, autoClose: false })) {
      const bytes: Buffer = chunk;
      found.update(bytes);
      const lines = (rest + decoder.write(bytes)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) yield* parseLine(line, file);
    }
  } catch (error) {
    throw storeError(error, 'read the index of a layer', file);
  }
  if (rest !== '') yield* parseLine(rest, file);
  if (digest !== undefined && found.digest('hex') !== digest) throw damaged(file);
}

/** The whole index at once. */
export async function loadLayerIndex(file: string, digest?: string): Promise<LayerIndex> {
  const bytes = await orStoreError(() => readIfThere(file), 'read the index of a layer', file);
  if (bytes === undefined || (digest !== undefined && hash('sha256', bytes, 'hex') !== digest)) throw damaged(file);
  const lines = bytes
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '');
  return indexOf(lines.flatMap((line) => parseLine(line, file)));
}

/** Sorts entries into an index. */
export function indexOf(lines: Iterable<LayerEntry>): LayerIndex {
  const entries = new Map<RawPath, PresentEntry>();
  const whiteouts = new Set<RawPath>();
  const opaque = new Set<RawPath>();
  for (const entry of lines) {
    if (entry.type === 'whiteout') whiteouts.add(entry.path);
    else if (entry.type === 'opaque') opaque.add(entry.path);
    else entries.set(entry.path, entry);
  }
  return { entries, whiteouts, opaque };
}

function parseLine(line: string, file: string): readonly LayerEntry[] {
  const value = parseJson(line, file);
  if (isLayerEntry(value) || isLayerRun(value)) return entriesOf(value);
  throw damaged(file);
}

function parseJson(line: string, file: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw damaged(file, error);
  }
}

/** The worker wrote the line, so only its shape is checked. */
function isLayerEntry(value: unknown): value is LayerEntry {
  return isJsonObject(value) && typeof value['type'] === 'string' && typeof value['path'] === 'string';
}

function isLayerRun(value: unknown): value is LayerRun {
  return isJsonObject(value) && value['type'] === 'files' && typeof value['folder'] === 'string' && areColumns(value);
}

function areColumns({ names, sizes, mtimes, digests }: JsonObject): boolean {
  if (!(Array.isArray(names) && Array.isArray(sizes) && Array.isArray(mtimes))) return false;
  const isDigests = typeof digests === 'string' && digests.length === names.length * digestLength;
  return isDigests && sizes.length === names.length && mtimes.length === names.length;
}

function damaged(file: string, cause?: unknown): StoreError {
  return new StoreError('corrupt', `Cannot read the index of a layer: it is damaged (${file})`, {
    path: file,
    cause,
    hint: 'Run "tsbuild store verify --repair"',
  });
}
