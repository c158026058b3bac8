import { TarError } from './tar-error.ts';

/** One record of an extended header; one character for each byte. Order matters only to the oldest format of sparse files. */
export interface PaxRecord {
  readonly key: string;
  readonly value: string;
}

/**
 * The records of an extended header: `length key=value\n`, where the length counts the whole record. (pax(1), "pax Extended Header")
 */
export function parsePaxRecords(data: Buffer): PaxRecord[] {
  const records: PaxRecord[] = [];
  for (let at = 0; at < data.length; ) {
    const space = data.indexOf(0x20, at);
    const length = lengthOf(data, at, space);
    const end = at + length;
    const equals = data.indexOf(0x3d, space + 1);
    if (end > data.length || equals === -1 || equals >= end || data[end - 1] !== 0x0a) {
      throw new TarError('invalid-pax', `an extended header holds a record that is not "length key=value" at byte ${at}`);
    }
    records.push({ key: data.toString('latin1', space + 1, equals), value: data.toString('latin1', equals + 1, end - 1) });
    at = end;
  }
  return records;
}

function lengthOf(data: Buffer, start: number, space: number): number {
  const digits = space === -1 ? '' : data.toString('latin1', start, space);
  const length = /^\d{1,10}$/.test(digits) ? Number(digits) : 0;
  // The length has to cover at least itself, the space, a key of one byte, the equals sign and the newline.
  if (length < digits.length + 4) {
    throw new TarError('invalid-pax', `an extended header holds a record without a length at byte ${start}`);
  }
  return length;
}

/** The bytes of one record, as characters. */
export function formatPaxRecord(key: string, value: string): string {
  const rest = key.length + value.length + 3;
  let length = rest + String(rest).length;
  // Writing the length may have made the record a digit longer.
  length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}

/** A decimal number of a record, with a fraction where times have one: rounded down to whole numbers. */
export function paxNumber({ key, value }: PaxRecord): number {
  const number = /^-?\d{1,20}(\.\d*)?$/.test(value) ? Math.floor(Number(value)) : Number.NaN;
  if (!Number.isSafeInteger(number)) {
    throw new TarError('invalid-pax', `the record "${key}" of an extended header is no number that can be used`);
  }
  return number;
}

const rawXattr = 'SCHILY.xattr.';
const encodedXattr = 'LIBARCHIVE.xattr.';

/** Extended attributes in both spellings: raw bytes (star, GNU tar, Go), which win, or base64 with an escaped name (libarchive). */
export function xattrsOf(records: readonly PaxRecord[]): Map<string, Uint8Array> {
  const xattrs = new Map<string, Uint8Array>();
  for (const { key, value } of records) {
    if (key.startsWith(encodedXattr)) xattrs.set(unescapeName(key.slice(encodedXattr.length)), Buffer.from(value, 'base64'));
  }
  for (const { key, value } of records) {
    if (key.startsWith(rawXattr)) xattrs.set(key.slice(rawXattr.length), Buffer.from(value, 'latin1'));
  }
  return xattrs;
}

/** The record that holds an extended attribute. */
export function xattrRecord(name: string, value: Uint8Array): PaxRecord {
  return { key: rawXattr + name, value: Buffer.from(value).toString('latin1') };
}

function unescapeName(name: string): string {
  return name.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
