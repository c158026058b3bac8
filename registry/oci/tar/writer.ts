import { blockSize, checksumOf, endOfArchive, field, paddingOf } from './block.ts';
import type { TarEntryType, TarHeader } from './header.ts';
import { formatPaxRecord, type PaxRecord, xattrRecord } from './pax.ts';

/** One entry to write: the content has exactly `header.size` bytes. */
export interface TarInput {
  readonly header: TarHeader;
  readonly content?: AsyncIterable<Uint8Array> | Uint8Array;
}

/** The bytes of an archive. Nothing but the entries decides them. Throws when a content has another size than its header says. */
export async function* writeTar(
  entries: AsyncIterable<TarInput> | Iterable<TarInput>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const { header, content = noContent } of entries) {
    yield encodeTarHeader(header);
    let written = 0;
    for await (const chunk of content instanceof Uint8Array ? [content] : content) {
      written += chunk.length;
      yield chunk;
    }
    if (written !== header.size) {
      throw new Error(
        `Cannot write "${header.path}" to an archive: it has ${written} bytes and was announced with ${header.size}`,
      );
    }
    if (written % blockSize !== 0) {
      yield Buffer.alloc(paddingOf(written));
    }
  }
  yield endOfArchive;
}

const noContent = new Uint8Array();

/**
 * The header blocks of an entry, as Go's archive/tar writes them when it is asked for the PAX format without names of users and
 * groups: ustar while everything fits, else a PAX header before it.
 */
export function encodeTarHeader(header: TarHeader): Buffer {
  const name = header.type === 'directory' ? `${header.path || '.'}/` : header.path;
  const split = splitName(name);
  const extended = extendedRecords(header, name);
  if (extended.needsPax || (split === undefined && !fitsText(name, field.name[1]))) {
    return Buffer.concat([paxHeader(name, extended.records), mainHeader(header, { name, prefix: '' })]);
  }
  return mainHeader(header, split ?? { name, prefix: '' });
}

const typeFlags: Readonly<Record<TarEntryType, string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  char: '3',
  block: '4',
  directory: '5',
  fifo: '6',
};

interface SplitName {
  readonly name: string;
  readonly prefix: string;
}

/** The two fields of ustar for a long name, cut at a slash; undefined when it is short or cannot be cut. */
function splitName(name: string): SplitName | undefined {
  if (name.length <= field.name[1] || !isAscii(name)) {
    return undefined;
  }
  // Go looks for the last slash that leaves at most 155 bytes before it, the slash of a folder's end left out.
  const limit = name.length > field.prefix[1] + 1 ? field.prefix[1] + 1 : name.length - (name.endsWith('/') ? 1 : 0);
  const slash = name.lastIndexOf('/', limit - 1);
  const rest = name.slice(slash + 1);
  return slash <= 0 || rest.length === 0 || rest.length > field.name[1]
    ? undefined
    : { prefix: name.slice(0, slash), name: rest };
}

/** What does not fit the header block. A long name alone does not need PAX when it can be split, but goes along with the rest. */
function extendedRecords(header: TarHeader, name: string): { records: PaxRecord[]; needsPax: boolean } {
  const records: PaxRecord[] = [];
  const number = (key: 'gid' | 'mtime' | 'size' | 'uid') => {
    if (!fitsOctal(header[key], field[key][1])) {
      records.push({ key, value: String(header[key]) });
    }
  };
  for (const [xattr, value] of header.xattrs) {
    records.push(xattrRecord(xattr, value));
  }
  number('gid');
  if (!fitsText(header.target, field.target[1])) {
    records.push({ key: 'linkpath', value: header.target });
  }
  number('mtime');
  number('size');
  number('uid');
  const needsPax = records.length > 0;
  if (!fitsText(name, field.name[1])) {
    records.push({ key: 'path', value: name });
  }
  return { records, needsPax };
}

function paxHeader(name: string, records: PaxRecord[]): Buffer {
  const sorted = records.toSorted((one, other) => (one.key < other.key ? -1 : 1));
  const data = Buffer.from(sorted.map(({ key, value }) => formatPaxRecord(key, value)).join(''), 'latin1');
  const block = Buffer.alloc(blockSize + data.length + paddingOf(data.length));
  putText(block, field.name, paxName(name));
  putText(block, field.type, 'x');
  for (const key of ['mode', 'uid', 'gid', 'mtime'] as const) {
    putOctal(block, field[key], 0);
  }
  putOctal(block, field.size, data.length);
  seal(block);
  data.copy(block, blockSize);
  return block;
}

/** The name that Go gives the header itself: `dir/PaxHeaders.0/file`, cleaned, ASCII, cut to fit. */
function paxName(name: string): string {
  const slash = name.lastIndexOf('/');
  const parts = [...name.slice(0, slash + 1).split('/'), 'PaxHeaders.0', name.slice(slash + 1)];
  const path = (name.startsWith('/') ? '/' : '') + clean(parts).join('/');
  return asciiOf(path).slice(0, field.name[1]).replace(/\/+$/, '');
}

function clean(parts: readonly string[]): string[] {
  const kept: string[] = [];
  for (const part of parts) {
    if (part === '..' && kept.length > 0 && kept.at(-1) !== '..') {
      kept.pop();
    } else if (part !== '' && part !== '.') {
      kept.push(part);
    }
  }
  return kept;
}

function mainHeader(header: TarHeader, { name, prefix }: SplitName): Buffer {
  const block = Buffer.alloc(blockSize);
  putText(block, field.name, name);
  putOctal(block, field.mode, header.mode);
  putOctal(block, field.uid, header.uid);
  putOctal(block, field.gid, header.gid);
  putOctal(block, field.size, header.size);
  putOctal(block, field.mtime, header.mtime);
  block[field.type[0]] = typeFlags[header.type].charCodeAt(0);
  putText(block, field.target, header.target);
  putOctal(block, field.major, header.major);
  putOctal(block, field.minor, header.minor);
  putText(block, field.prefix, prefix);
  seal(block);
  return block;
}

function seal(block: Buffer): void {
  block.write('ustar\u000000', field.magic[0], 'latin1');
  const sum = checksumOf(block).toString(8).padStart(6, '0');
  block.write(`${sum}\0 `, field.checksum[0], 'latin1');
}

function putText(block: Buffer, [offset, length]: readonly [offset: number, length: number], text: string): void {
  const ascii = asciiOf(text);
  block.write(ascii, offset, length, 'latin1');
  if (ascii.length > length && ascii[length - 1] === '/') {
    // Readers that look only here must not take a file whose cut name ends in a slash for a folder.
    const end = ascii.slice(0, length - 1).replace(/\/+$/, '').length;
    block[offset + end] = 0;
  }
}

/** Zero stands for a number that does not fit; its PAX record has the value. */
function putOctal(block: Buffer, [offset, length]: readonly [offset: number, length: number], number: number): void {
  let rest = fitsOctal(number, length) ? number : 0;
  for (let at = offset + length - 2; at >= offset; at -= 1) {
    block[at] = zeroDigit + (rest % 8);
    rest = Math.floor(rest / 8);
  }
}

const zeroDigit = 0x30;

function fitsOctal(number: number, length: number): boolean {
  return number >= 0 && number < (octalLimits[length] ?? 0);
}

/** The first number that a field of a length cannot hold, its final NUL left out. */
const octalLimits = Array.from({ length: 13 }, (_, length) => 8 ** (length - 1));

function fitsText(text: string, length: number): boolean {
  return text.length <= length && isAscii(text);
}

/** NUL does not count as ASCII, as in Go. */
function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0 || code > 0x7f) {
      return false;
    }
  }
  return true;
}

function asciiOf(text: string): string {
  if (isAscii(text)) {
    return text;
  }
  const kept = Buffer.from(text, 'latin1').filter((byte) => byte > 0 && byte < 0x80);
  return Buffer.from(kept).toString('latin1');
}
