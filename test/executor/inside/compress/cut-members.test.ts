import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cutMembers } from '../../../../executor/inside/compress/cut-members.ts';
import { type TarInput, writeTar } from '../../../../registry/oci/tar/writer.ts';
import { collect } from '../../../registry/oci/tar/archives.ts';
import { dir, file } from '../tar-inputs.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

async function* chunksOf(bytes: Buffer, chunkBytes: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}

interface Cut {
  readonly bytes: Buffer;
  readonly name: string;
}

async function cut(tar: Buffer, chunkBytes: number = MiB): Promise<readonly Cut[]> {
  const members: Cut[] = [];
  for await (const { bytes, name } of cutMembers(chunksOf(tar, chunkBytes), { cut: 'entries-1m', prefix: 'test' })) {
    members.push({ bytes: Buffer.from(bytes), name });
  }
  return members;
}

const tarOf = (entries: readonly TarInput[]): Promise<Buffer> => collect(writeTar(entries));
const sizesOf = (members: readonly Cut[]): readonly number[] => members.map(({ bytes }) => bytes.length);

const small = Array.from({ length: 400 }, (_, index) => file(`dir/file-${index}`, 'x'.repeat((index * 7919) % (60 * KiB))));
const mixed = [
  dir('dir'),
  ...small,
  file('large', 'y'.repeat(5 * MiB + 1)),
  file('last', 'z'),
  file('é'.repeat(90), 'long name'),
];

test('cutMembers() gives the tar in parts, the same for any chunks', async () => {
  const tar = await tarOf(mixed);
  const members = await cut(tar);
  assert.ok(Buffer.concat(members.map(({ bytes }) => bytes)).equals(tar));
  for (const chunkBytes of [512, 3 * 512, 64 * KiB, 7 * MiB]) assert.deepEqual(await cut(tar, chunkBytes), members);
});

test('cutMembers() gives members of 256 KiB to 2 MiB where no large file is near', async () => {
  const sizes = sizesOf(await cut(await tarOf(small)));
  assert.ok(sizes.length > 6, String(sizes));
  for (const size of sizes.slice(0, -1)) assert.ok(size >= 256 * KiB && size <= 2 * MiB + 512, String(size));
});

test('cutMembers() cuts a large file from its own first byte, and nothing else is with it', async () => {
  const large = file('large', 'y'.repeat(3 * MiB + 600 * KiB));
  const pieces = [MiB + 512, MiB, MiB, 600 * KiB];
  assert.deepEqual(sizesOf(await cut(await tarOf([large]))), [...pieces, 1024]);
  assert.deepEqual(sizesOf(await cut(await tarOf([file('a', 'a'), large, file('b', 'b')]))), [1024, ...pieces, 2048]);
  const shorter = file('large', 'y'.repeat(3 * MiB + 500 * KiB));
  assert.deepEqual(sizesOf(await cut(await tarOf([shorter]))), [MiB + 512, MiB, MiB + 500 * KiB, 1024]);
});

test('cutMembers() leaves most members alone when a file grows, goes or is added', async () => {
  const before = new Set((await cut(await tarOf(mixed))).map(({ name }) => name));
  const edits = [
    mixed.map((entry, index) => (index === 200 ? file('dir/file-199', 'x'.repeat(90 * KiB)) : entry)),
    mixed.filter((_, index) => index !== 200),
    [dir('dir'), file('dir/a', 'new'), ...mixed.slice(1)],
  ];
  for (const edit of edits) {
    const anew = (await cut(await tarOf(edit))).filter(({ name }) => !before.has(name));
    assert.ok(anew.length <= 2, String(anew.length));
  }
});

test('cutMembers() knows the size of a file that its header does not hold', async () => {
  // The content looks like a header that announces a file of 4 MiB, which would be cut otherwise.
  const inner = await tarOf([file('inner', 'i'.repeat(4 * MiB))]);
  const tar = await tarOf([file('outer', inner.toString('latin1'))]);
  assert.equal(inner.length, 4_195_840);
  const extended = await tarOf([file('PaxHeaders.0/outer', '16 size=4195840\n')]);
  extended.write('x', 156, 'latin1');
  const withRecord = Buffer.concat([extended.subarray(0, 1024), Buffer.from(tar)]);
  withRecord.write('00000000000', 1024 + 124, 'latin1');
  assert.deepEqual(sizesOf(await cut(withRecord)).slice(1), sizesOf(await cut(tar)));
});

test('cutMembers() cuts anything, as far as it looks like a tar', async () => {
  const strange = Buffer.concat([Buffer.alloc(3 * MiB, 0xff), Buffer.alloc(3 * MiB), Buffer.from('the end')]);
  const members = await cut(strange);
  assert.ok(Buffer.concat(members.map(({ bytes }) => bytes)).equals(strange));
  for (const { bytes } of members) assert.ok(bytes.length <= 2 * MiB + 512);
});
