import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { decompressed } from '../../../builder/inputs/archive-bytes.ts';
import { type UnpackOptions, unpackArchive } from '../../../builder/inputs/unpack-archive.ts';
import { sniff } from '../../../registry/oci/compression/sniff.ts';
import { holes } from '../../registry/oci/tar/archives.ts';
import { layerTar } from '../../support/images.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const options: UnpackOptions = { name: 'the archive', signal: new AbortController().signal };

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

test('unpackArchive() takes archives in pieces of any size', async () => {
  using folder = temporaryFolder();
  const tar = await layerTar([{ name: 'a/b', content: 'x'.repeat(3000) }]);
  for (const size of [1, 511, 512, 4096]) {
    const place = folder.at(String(size));
    assert.equal((await unpackArchive(inPieces(tar, size), place, options)).entries, 1);
    assert.equal(readFileSync(`${place}/a/b`, 'utf8'), 'x'.repeat(3000));
  }
});

const limits: readonly (readonly [name: string, limit: Partial<UnpackOptions>, message: RegExp])[] = [
  ['too many entries', { maxEntries: 1 }, /it has more than 1 entries/],
  ['too many bytes', { maxBytes: 5 }, /its files are too large/],
];

for (const [name, limit, message] of limits) {
  test(`unpackArchive() refuses ${name}`, async () => {
    using folder = temporaryFolder();
    const tar = await layerTar([
      { name: 'a', content: '1234' },
      { name: 'b', content: '5678' },
    ]);
    await assert.rejects(unpackArchive(inPieces(tar, 512), folder.at('out'), { ...options, ...limit }), message);
  });
}

test('unpackArchive() refuses holes out of all proportion', async () => {
  using folder = temporaryFolder();
  for (const [format, bytes] of Object.entries(holes(60 * 2 ** 30))) {
    await assert.rejects(unpackArchive(inPieces(bytes, 512), folder.at(format), options), {
      name: 'SourceError',
      message: /^Cannot unpack the archive: the holes of its sparse files take 6442450\d{4} bytes/,
    });
  }
});

for (const target of ['../outside', '.', 'real']) {
  test(`unpackArchive() follows no link of the archive (to ${target})`, async () => {
    using folder = temporaryFolder();
    mkdirSync(folder.at('outside'));
    const tar = await layerTar([
      { name: 'real', type: 'directory' },
      { name: 'link', type: 'symlink', linkname: target },
      { name: 'link/f', content: '1' },
    ]);
    await assert.rejects(unpackArchive(inPieces(tar, 512), folder.at('out'), options), {
      name: 'SourceError',
      message: /"link\/f": it leads through the symbolic link "link"/,
    });
    assert.deepEqual([...readdirSync(folder.at('outside')), ...readdirSync(folder.at('out', 'real'))], []);
  });
}

test('unpackArchive() stops when the build does', async () => {
  using folder = temporaryFolder();
  const tar = await layerTar([{ name: 'a', content: '1' }]);
  const signal = AbortSignal.abort(new Error('enough'));
  await assert.rejects(unpackArchive(inPieces(tar, 512), folder.at('out'), { ...options, signal }), /enough/);
});

test('unpackArchive() makes files that only their owner changes, whatever the archive says', async () => {
  using folder = temporaryFolder();
  const tar = await layerTar([{ name: 'a', content: '1', mode: 0o111 }]);
  const { modes } = await unpackArchive(inPieces(tar, 512), folder.at('out'), options);
  assert.deepEqual([...modes], [['a', 0o111]]);
  assert.equal(statSync(folder.at('out', 'a')).mode & 0o7777, 0o511);
});

test('decompressed() gives what was compressed, and plain bytes as they are', async () => {
  const text = Buffer.from('text'.repeat(1000));
  for (const bytes of [text, gzipSync(text)]) {
    const all: Uint8Array[] = [];
    for await (const chunk of decompressed(await sniff(inPieces(bytes, 100), 16), options)) all.push(chunk);
    assert.deepEqual(Buffer.concat(all), text);
  }
});
