import { fileOf, type LayerRun } from '../../../registry/oci/layer/layer-run.ts';
import { joinPath, nameOf, type RawPath } from '../../../registry/oci/raw-path.ts';
import type { FileHeaders } from '../../../registry/oci/tar/file-headers.ts';
import type { TarHeader } from '../../../registry/oci/tar/header.ts';
import { entryHeader } from '../layer/layer-header.ts';

/** An entry of a tar. */
export interface PackedItem {
  readonly header: TarHeader;
  /** Where the content of `header.size` bytes is; only for files that are not empty. */
  readonly file: PackedFile | undefined;
}

export interface PackedFile {
  readonly from: RawPath;
  /** What the content must have as sha256, hex. */
  readonly digest: string;
}

/** Files of one folder that follow each other in a tar. */
export interface PackedRun {
  readonly files: LayerRun;
  readonly headers: FileHeaders;
  /** The folder that they come from. */
  readonly from: RawPath;
}

/** The entry of one of the files. */
export function itemOf({ files, from }: PackedRun, index: number): PackedItem {
  const entry = fileOf(files, index);
  const file = { from: joinPath(from, nameOf(entry.path)), digest: entry.digest };
  return { header: entryHeader(entry), file: entry.size === 0 ? undefined : file };
}
