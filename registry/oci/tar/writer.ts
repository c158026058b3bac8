import { byText } from '../text/sort-order.ts';
import { trimEnd } from '../text/trim-end.ts';
import { blockSize, endOfArchive, field, paddingOf } from './block.ts';
import type { TarHeader } from './header.ts';
import { asciiOf, fitsOctal, fitsText, HeaderBlock, isAscii } from './header-block.ts';
import { putSharedFields } from './main-header.ts';
import { formatPaxRecord, type PaxRecord, xattrRecord } from './pax.ts';

/** One entry to write: the content has exactly `header.size` bytes. */
export interface TarInput {
  readonly header: TarHeader;
  readonly content?: AsyncIterable<Uint8Array> | Uint8Array;
}

/** The bytes of an archive. Nothing but the entries decides them. @throws when a content has another size than its header says */
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
    if (written % blockSize !== 0) yield Buffer.alloc(paddingOf(written));
  }
  yield endOfArchive;
}

const noContent = new Uint8Array();

/**
 * The header blocks of an entry, as Go's archive/tar writes them when it is asked for the PAX format without names of users and
 * groups: ustar while everything fits, else a PAX header before it.
 */
export function encodeTarHeader(header: TarHeader): Buffer {
  const name = nameOf(header);
  const split = splitName(name);
  const extended = extendedRecords(header, name);
  if (extended.needsPax || (split === undefined && !fitsText(name, field.name[1]))) {
    return Buffer.concat([paxHeader(name, extended.records), mainHeader(header, { name, prefix: '' })]);
  }
  return mainHeader(header, split ?? { name, prefix: '' });
}

function nameOf({ type, path }: TarHeader): string {
  return type === 'directory' ? `${path || '.'}/` : path;
}

interface SplitName {
  readonly name: string;
  readonly prefix: string;
}

/** The two fields of ustar for a long name, cut at a slash; undefined when it is short or cannot be cut. */
function splitName(name: string): SplitName | undefined {
  if (name.length <= field.name[1] || !isAscii(name)) return undefined;
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
  for (const [xattr, value] of header.xattrs) records.push(xattrRecord(xattr, value));
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
  const sorted = records.toSorted((one, other) => byText(one.key, other.key));
  const data = Buffer.from(sorted.map(({ key, value }) => formatPaxRecord(key, value)).join(''), 'latin1');
  const bytes = Buffer.alloc(blockSize + data.length + paddingOf(data.length));
  const block = new HeaderBlock(bytes, 0);
  block.text(field.name, paxName(name));
  block.text(field.type, 'x');
  for (const key of ['mode', 'uid', 'gid', 'mtime'] as const) block.octal(field[key], 0);
  block.octal(field.size, data.length);
  block.mark();
  block.seal();
  data.copy(bytes, blockSize);
  return bytes;
}

/** The name that Go gives the header itself: `dir/PaxHeaders.0/file`, cleaned, ASCII, cut to fit. */
function paxName(name: string): string {
  const slash = name.lastIndexOf('/');
  const parts = [...name.slice(0, slash + 1).split('/'), 'PaxHeaders.0', name.slice(slash + 1)];
  const path = (name.startsWith('/') ? '/' : '') + clean(parts).join('/');
  return trimEnd(asciiOf(path).slice(0, field.name[1]), '/');
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
  const bytes = Buffer.alloc(blockSize);
  const block = new HeaderBlock(bytes, 0);
  block.text(field.name, name);
  putSharedFields(block, header);
  block.octal(field.size, header.size);
  block.octal(field.mtime, header.mtime);
  block.text(field.prefix, prefix);
  block.seal();
  return bytes;
}
