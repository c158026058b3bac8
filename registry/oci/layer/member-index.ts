import { hash } from 'node:crypto';

/** A member of a compressed layer: a gzip member or a zstd frame, which can be read by itself. */
export interface Member {
  /** Of what it was made of, and how: 64 hex digits. Equal names mean equal bytes. */
  readonly name: string;
  /** sha256 of the compressed bytes, hex. */
  readonly digest: string;
  readonly sizeBytes: number;
}

const mark = 'tsbuild members 1\n';
const digestBytes = 32;
const recordBytes = 2 * digestBytes + 4;

/** What tells the members of a blob (64 hex digits), which follow each other in it. A digest at the end tells when a byte is not what was written. */
export function encodeMembers(blob: string, members: readonly Member[]): Buffer {
  const bytes = Buffer.alloc(mark.length + digestBytes + members.length * recordBytes + digestBytes);
  let at = bytes.write(mark, 'latin1');
  at += bytes.write(blob, at, 'hex');
  for (const { name, digest, sizeBytes } of members) {
    at += bytes.write(name, at, 'hex');
    at += bytes.write(digest, at, 'hex');
    at = bytes.writeUInt32LE(sizeBytes, at);
  }
  bytes.write(hash('sha256', bytes.subarray(0, at), 'hex'), at, 'hex');
  return bytes;
}

/** The members of a blob, in their order; undefined unless the bytes are as encodeMembers() made them for it. */
export function decodeMembers(blob: string, bytes: Buffer): readonly Member[] | undefined {
  const end = bytes.length - digestBytes;
  const start = mark.length + digestBytes;
  if (end < start || (end - start) % recordBytes !== 0) return undefined;
  if (bytes.toString('latin1', 0, start) !== mark + Buffer.from(blob, 'hex').toString('latin1')) return undefined;
  if (hash('sha256', bytes.subarray(0, end), 'hex') !== bytes.toString('hex', end)) return undefined;
  const members: Member[] = [];
  for (let at = start; at < end; at += recordBytes) {
    const name = bytes.toString('hex', at, at + digestBytes);
    const digest = bytes.toString('hex', at + digestBytes, at + 2 * digestBytes);
    members.push({ name, digest, sizeBytes: bytes.readUInt32LE(at + 2 * digestBytes) });
  }
  return members;
}
