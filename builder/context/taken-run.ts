import type { CopyRun, FileRun } from '../../executor/protocol/copy-list.ts';
import type { FileColumns } from '../../registry/oci/layer/layer-run.ts';
import { digestLength } from '../../registry/oci/layer/layer-run.ts';
import type { RawPath } from '../../registry/oci/raw-path.ts';
import type { RowColumns } from './tree.ts';

/** A folder that something is taken from: where it is in the tree, and where it goes. */
export interface TakenFolder {
  readonly from: RawPath;
  readonly to: RawPath;
}

/** Plain files of a tree that has rows. */
interface PlainFiles {
  readonly mode: number;
  readonly names: readonly RawPath[];
  readonly rows: readonly number[];
  readonly columns: RowColumns;
}

/** Plain files of one folder and one mode that are taken behind each other. */
export class TakenRun implements CopyRun {
  readonly type = 'files';
  readonly from: RawPath;
  readonly to: RawPath;
  readonly mode: number;
  readonly uid = 0;
  readonly gid = 0;
  readonly names: readonly RawPath[];
  readonly #rows: readonly number[];
  readonly #columns: RowColumns;

  constructor({ from, to }: TakenFolder, { mode, names, rows, columns }: PlainFiles) {
    this.from = from;
    this.to = to;
    this.mode = mode;
    this.names = names;
    this.#rows = rows;
    this.#columns = columns;
  }

  putDigest(index: number, bytes: Uint8Array, start: number): void {
    this.#columns.putDigest(this.#rows[index] ?? -1, bytes, start);
  }

  columns(): FileColumns & Pick<FileRun, 'identities'> {
    const [rows, columns] = [this.#rows, this.#columns];
    const digests = Buffer.allocUnsafe(rows.length * digestLength);
    for (const [index, row] of rows.entries()) columns.putDigest(row, digests, index * digestLength);
    return {
      names: this.names,
      sizes: rows.map((row) => columns.size(row)),
      mtimes: rows.map((row) => columns.mtime(row)),
      digests: digests.toString('latin1'),
      identities: rows.map((row) => columns.identity(row)).join(','),
    };
  }
}
