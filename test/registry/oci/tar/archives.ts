import { rawPath } from '../../../../registry/oci/raw-path.ts';
import { type TarHeader, tarHeader } from '../../../../registry/oci/tar/header.ts';
import { formatPaxRecord } from '../../../../registry/oci/tar/pax.ts';
import { readTar, type TarLimits } from '../../../../registry/oci/tar/reader.ts';

/** An entry as tests compare it. */
export interface ReadEntry extends Omit<TarHeader, 'xattrs'> {
  readonly xattrs: Readonly<Record<string, string>>;
  readonly content: string;
}

/** The bytes in pieces of `size`. */
export async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** All entries of an archive, contents as latin1. */
export async function readAll(
  bytes: Uint8Array,
  { pieceSize = 65_536, ...limits }: TarLimits & { pieceSize?: number } = {},
): Promise<ReadEntry[]> {
  const entries: ReadEntry[] = [];
  for await (const { header, content } of readTar(inPieces(bytes, pieceSize), limits)) {
    const xattrs = Object.fromEntries([...header.xattrs].map(([name, value]) => [name, Buffer.from(value).toString('latin1')]));
    entries.push({ ...header, xattrs, content: await textOf(content) });
  }
  return entries;
}

/** The bytes of an iterable. */
export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const chunk of chunks) {
    pieces.push(chunk);
  }
  return Buffer.concat(pieces);
}

async function textOf(content: AsyncIterable<Uint8Array>): Promise<string> {
  return (await collect(content)).toString('latin1');
}

/** A file with a name, for tests that are about something else. */
export function fileHeader(path: string, fields: Partial<TarHeader> = {}): TarHeader {
  return tarHeader({ path: rawPath(path), type: 'file', mode: 0o644, ...fields });
}

/** A header block with fields at their places, and a right checksum. */
export function handMadeBlock(fields: Readonly<Record<number, string>>): Buffer {
  const block = Buffer.alloc(512);
  block.write('0000644\0', 100, 'latin1');
  for (const [offset, text] of Object.entries(fields)) block.write(text, Number(offset), 'latin1');
  return sealed(block);
}

/** Sets the checksum of a block. */
export function sealed(block: Buffer): Buffer {
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** Content padded to blocks. */
export function padded(text: string | Uint8Array): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

/** What GNU tar writes for a file that is one hole of `size` bytes, in each of its formats. ("Storing Sparse Files") */
export function holes(size: number): Readonly<Record<'old' | '0.0' | '0.1' | '1.0', Buffer>> {
  const octal = (value: number): string => value.toString(8).padStart(11, '0');
  const pax = (records: string, data = ''): Buffer =>
    Buffer.concat([
      handMadeBlock({ 0: 'x', 124: octal(records.length), 156: 'x', 257: 'ustar\u000000' }),
      padded(records),
      handMadeBlock({ 0: 'hole', 124: octal(padded(data).length), 156: '0', 257: 'ustar\u000000' }),
      padded(data),
      Buffer.alloc(1024),
    ]);
  const real = Buffer.alloc(12);
  real.writeBigUInt64BE(BigInt(size), 4);
  real[0] = 0x80;
  const old = { 0: 'hole', 124: octal(0), 156: 'S', 257: 'ustar  ', 483: real.toString('latin1') };
  return {
    old: Buffer.concat([handMadeBlock(old), Buffer.alloc(1024)]),
    '0.0': pax(formatPaxRecord('GNU.sparse.size', `${size}`) + formatPaxRecord('GNU.sparse.numblocks', '0')),
    '0.1': pax(formatPaxRecord('GNU.sparse.size', `${size}`) + formatPaxRecord('GNU.sparse.map', '')),
    '1.0': pax(
      ['major=1', 'minor=0', `realsize=${size}`]
        .map((record) => formatPaxRecord(`GNU.sparse.${record.split('=')[0]}`, `${record.split('=')[1]}`))
        .join(''),
      '0\n',
    ),
  };
}
