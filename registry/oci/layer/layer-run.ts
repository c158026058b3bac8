import { joinPath, type RawPath } from '../raw-path.ts';
import type { LayerEntry } from './layer-entry.ts';

/**
 * What tells files of one folder apart, in columns that are equally long. Most entries of most layers are such files, and columns are
 * written and read several times as fast as an object for each.
 */
export interface FileColumns {
  readonly names: readonly RawPath[];
  readonly sizes: readonly number[];
  /** Whole seconds since the epoch. */
  readonly mtimes: readonly number[];
  /** sha256 of the contents, 64 hex digits for each, behind each other: digestAt() finds them. */
  readonly digests: string;
}

/** Files of one folder that follow each other in a layer and have the same owner and mode. A line of an index, as a LayerEntry is. */
export interface LayerRun extends FileColumns {
  readonly type: 'files';
  /** '' for the root. */
  readonly folder: RawPath;
  /** Permission and set-id bits, 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

export type LayerFile = Extract<LayerEntry, { readonly type: 'file' }>;

/** One of the files. @throws RangeError for an index that there is none at */
export function fileOf(run: LayerRun, index: number): LayerFile {
  const { folder, mode, uid, gid, names, sizes, mtimes, digests } = run;
  const [name, size, mtime] = [names[index], sizes[index], mtimes[index]];
  if (name === undefined || size === undefined || mtime === undefined) {
    throw new RangeError(`Cannot find file ${index} of ${names.length} in a run`);
  }
  return { type: 'file', path: joinPath(folder, name), size, digest: digestAt(digests, index), mode, uid, gid, mtime };
}

/** The entries that a line of an index stands for. */
export function entriesOf(line: LayerEntry | LayerRun): readonly LayerEntry[] {
  return line.type === 'files' ? line.names.map((_, index) => fileOf(line, index)) : [line];
}

/** The digest at an index of a column. */
export function digestAt(digests: string, index: number): string {
  return digests.slice(index * digestLength, (index + 1) * digestLength);
}

/** Hex digits of a sha256. */
export const digestLength = 64;
