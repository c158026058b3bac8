import { pathOfText, type RawPath, rawPath } from '../raw-path.ts';
import { field, numberField, textField } from './block.ts';
import { noXattrs, type TarEntryType, type TarHeader } from './header.ts';
import { type PaxRecord, paxNumber, xattrsOf } from './pax.ts';
import { mapInRecords, oldGnu, type SparseRegion } from './sparse.ts';
import { TarError } from './tar-error.ts';

/** A header block as it is, before the extended headers have their say. */
export interface RawHeader {
  readonly type: string;
  readonly path: string;
  readonly target: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
  readonly major: number;
  readonly minor: number;
  /** Size of an old GNU sparse file with its holes. */
  readonly realSize: number;
}

/** A header with all that was said of the entry. */
export interface ParsedEntry {
  readonly header: TarHeader;
  /** Bytes of the entry's content in the archive, without padding. */
  readonly storedSize: number;
  /** Set for sparse files; the newest format keeps the map in the data. */
  readonly sparse: { readonly regions: readonly SparseRegion[] | 'in-data' } | undefined;
}

const maxPathBytes = 4096;

/** Takes a header block apart. */
export function rawHeader(block: Buffer): RawHeader {
  const type = String.fromCharCode(block[field.type[0]] ?? 0);
  const magic = block.toString('latin1', field.magic[0], field.magic[0] + field.magic[1]);
  const name = textField(block, field.name);
  const prefix = magic === 'ustar\u000000' ? textField(block, prefixField(block)) : '';
  const hasDevice = magic.startsWith('ustar') && (type === '3' || type === '4');
  return {
    type,
    path: prefix === '' ? name : `${prefix}/${name}`,
    target: textField(block, field.target),
    mode: numberField(block, field.mode),
    uid: numberField(block, field.uid),
    gid: numberField(block, field.gid),
    size: unsigned(numberField(block, field.size)),
    mtime: numberField(block, field.mtime),
    major: hasDevice ? numberField(block, field.major) : 0,
    minor: hasDevice ? numberField(block, field.minor) : 0,
    realSize: type === 'S' ? numberField(block, oldGnu.realSize) : 0,
  };
}

/** star keeps times behind a shorter prefix and signs the block with its name. */
function prefixField(block: Buffer): readonly [offset: number, length: number] {
  return block.toString('latin1', 508, 512) === 'tar\u0000' ? [field.prefix[0], 131] : field.prefix;
}

function unsigned(number: number): number {
  if (number < 0) throw new TarError('invalid-header', 'an entry has a negative size, owner or group');
  return number;
}

/** What was read before an entry's own header. */
interface Extensions {
  readonly path: string | undefined;
  readonly target: string | undefined;
  readonly records: readonly PaxRecord[];
  readonly regions: readonly SparseRegion[] | undefined;
}

/** Joins a header with the extended headers before it. */
export function entryOf(raw: RawHeader, extensions: Extensions): ParsedEntry {
  const pax = lastRecords(extensions.records);
  const path = text(pax.get('GNU.sparse.name')) ?? text(pax.get('path')) ?? extensions.path ?? raw.path;
  const target = text(pax.get('linkpath')) ?? extensions.target ?? raw.target;
  const type = typeOf(raw.type, path);
  const stored = type === 'file' || raw.type === 'D' ? (nonNegative(pax.get('size')) ?? raw.size) : 0;
  const regions = type === 'file' ? sparseRegions(extensions, pax) : undefined;
  const realSize = nonNegative(pax.get('GNU.sparse.realsize')) ?? nonNegative(pax.get('GNU.sparse.size')) ?? raw.realSize;
  return {
    header: {
      path: withoutSlashes(checkedPath(path)),
      type,
      mode: raw.mode & 0o7777,
      uid: nonNegative(pax.get('uid')) ?? unsigned(raw.uid),
      gid: nonNegative(pax.get('gid')) ?? unsigned(raw.gid),
      size: type !== 'file' ? 0 : regions === undefined ? stored : realSize,
      mtime: wholeNumber(pax.get('mtime')) ?? raw.mtime,
      target: type === 'symlink' || type === 'hardlink' ? checkedPath(target) : pathOfText(''),
      major: nonNegative(pax.get('SCHILY.devmajor')) ?? raw.major,
      minor: nonNegative(pax.get('SCHILY.devminor')) ?? raw.minor,
      xattrs: extensions.records.length === 0 ? noXattrs : xattrsOf(extensions.records),
    },
    storedSize: stored,
    sparse: regions === undefined ? undefined : { regions },
  };
}

const noRecords: ReadonlyMap<string, PaxRecord> = new Map();

/** The last record of each key counts; an empty value takes back what was said before. */
function lastRecords(records: readonly PaxRecord[]): ReadonlyMap<string, PaxRecord> {
  return records.length === 0 ? noRecords : new Map(records.map((record) => [record.key, record]));
}

function text(record: PaxRecord | undefined): string | undefined {
  return record === undefined || record.value === '' ? undefined : record.value;
}

function wholeNumber(record: PaxRecord | undefined): number | undefined {
  return record === undefined || record.value === '' ? undefined : paxNumber(record);
}

function nonNegative(record: PaxRecord | undefined): number | undefined {
  const value = wholeNumber(record);
  if (value !== undefined && value < 0) {
    throw new TarError('invalid-pax', `the record "${record?.key}" of an extended header is negative`);
  }
  return value;
}

function sparseRegions(
  { regions, records }: Extensions,
  pax: ReadonlyMap<string, PaxRecord>,
): readonly SparseRegion[] | 'in-data' | undefined {
  const major = wholeNumber(pax.get('GNU.sparse.major'));
  return regions ?? (major === 1 ? 'in-data' : records.length === 0 ? undefined : mapInRecords(records));
}

function typeOf(type: string, path: string): TarEntryType {
  switch (type) {
    case '\0':
    case '0':
      // Archives from before POSIX mark folders by the slash alone.
      return path.endsWith('/') ? 'directory' : 'file';
    // Contiguous files, and the old sparse format of GNU tar.
    case '7':
    case 'S':
      return 'file';
    case '1':
      return 'hardlink';
    case '2':
      return 'symlink';
    case '3':
      return 'char';
    case '4':
      return 'block';
    // GNU's incremental folders have a listing as content, which is skipped.
    case '5':
    case 'D':
      return 'directory';
    case '6':
      return 'fifo';
    default:
      throw new TarError('unsupported', `the type "${printable(type)}" of "${path}" means nothing here`);
  }
}

function printable(type: string): string {
  return /[!-~]/.test(type) ? type : `0x${type.charCodeAt(0).toString(16)}`;
}

function checkedPath(path: string): RawPath {
  if (path.length > maxPathBytes) {
    throw new TarError('too-large', `a name has ${path.length} bytes, more than ${maxPathBytes}`);
  }
  if (path.includes('\0')) throw new TarError('invalid-pax', 'a name in an extended header holds a NUL');
  return rawPath(path);
}

function withoutSlashes(path: RawPath): RawPath {
  let end = path.length;
  while (end > 1 && path.charCodeAt(end - 1) === 0x2f) end -= 1;
  return end === path.length ? path : rawPath(path.slice(0, end));
}
