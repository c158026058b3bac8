import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { type BlockCompression } from '../../../../executor/inside/compress/block-compressor.ts';
import { compressBlocks } from '../../../../executor/inside/compress/compress-blocks.ts';
import { collect } from '../../../registry/oci/tar/archives.ts';
import { requires } from '../../../support/requires.ts';
import { gzip, zstd } from '../compressions.ts';

const chunkBytes = 1 << 20;

/** Bytes that compress somewhat, the same everywhere: words in the order of a linear congruential generator. */
function someBytes(length: number): Buffer {
  const words = ['usr', '/lib/', 'x86_64-linux-gnu', '\0\0\0\0', 'ELF', '.so.6\n', 'share', '\xff\xfe', 'return ', 'const '];
  const bytes = Buffer.alloc(length);
  let state = 1;
  for (let at = 0; at < length; ) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    at += bytes.write(words[(state >>> 16) % words.length] ?? '', at, 'latin1');
    if (at < length) {
      bytes[at] = state >>> 24;
      at += 1;
    }
  }
  return bytes;
}

function* chunksOf(bytes: Buffer): Generator<Uint8Array> {
  // One buffer for all, as the tar is made.
  const chunk = Buffer.alloc(chunkBytes);
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    const length = bytes.copy(chunk, 0, at, at + chunkBytes);
    yield chunk.subarray(0, length);
  }
}

const input = someBytes(7 * chunkBytes + 12_345);

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

// A new value means that every compressed layer of every user gets a new digest. It is the same on every processor and with every Node.
const golden: readonly (readonly [compression: BlockCompression, digest: string])[] = [
  [gzip(1), '86c047919d46649d7bc4c0d54c2dcd13c3839e8d4f1cba95b61976a196aafcda'],
  [gzip(0), '7856686da8f6dd261fa5cfe06c5ba6045cdd465833bf3b40c271afb9c8025001'],
  [gzip(3), 'b85da9a29950b0f91852130e3eec035060014af92b05f9a0753a1187bfeb2761'],
  [gzip(6), '9303936c9938df159e7454cf2613b69fddc62299b9b18092648c7e681d6edd34'],
  [zstd(1), '152ba8053a68a5ae90ac826aa6edfad89c01a06cd59faeb3047468d553f403d9'],
  [zstd(3), '2567dc5c54f4d7eb73d0a5056f86c7bf9201034a0bea71dbf90289ea49d0f10f'],
];

for (const [compression, digest] of golden) {
  const { kind, level } = compression;
  const needs = kind === 'zstd' ? requires('tool:zstd') : {};
  test(`compressBlocks() gives the same bytes everywhere with ${kind} at level ${level}`, needs, async () => {
    const compressed = await collect(compressBlocks(chunksOf(input), { compression, threads: 0 }));
    assert.equal(sha256(compressed), digest);
    assert.ok(kind === 'gzip' ? gunzipSync(compressed).equals(input) : unzstd(compressed).equals(input));
  });
}

function unzstd(compressed: Uint8Array): Buffer {
  const { stdout, status } = spawnSync('zstd', ['-dc'], { input: compressed, maxBuffer: 1 << 30 });
  assert.equal(status, 0);
  return stdout;
}

test('compressBlocks() lets others go first in the background, and gives the same', async () => {
  const compression = gzip(1);
  const nice: number[] = [];
  // While the last chunk is asked for, threads are at work on others.
  function* watched(): Generator<Uint8Array> {
    yield* chunksOf(input);
    nice.push(...niceOfThreads());
  }
  const alone = await collect(compressBlocks(chunksOf(input), { compression, threads: 0 }));
  assert.ok((await collect(compressBlocks(watched(), { compression, threads: 2, isInBackground: true }))).equals(alone));
  const own = getPriority();
  assert.deepEqual([...new Set(nice)], [own, own + 10]);
  assert.equal(nice.filter((value) => value !== own).length, 2);
});

/** The nice values of the threads of this process. (/proc/pid/stat in proc(5)) */
function niceOfThreads(): readonly number[] {
  return readdirSync('/proc/self/task').map((thread) => {
    const [, fields = ''] = readFileSync(`/proc/self/task/${thread}/stat`, 'utf8').split(/\) (?!.*\))/);
    return Number(fields.split(' ')[16]);
  });
}

for (const compression of [gzip(1), zstd(3)]) {
  for (const threads of [1, 2, 3, 4, undefined]) {
    test(`compressBlocks() gives the same ${compression.kind} with ${threads ?? 'the usual number of'} threads`, async () => {
      const alone = await collect(compressBlocks(chunksOf(input), { compression, threads: 0 }));
      const options = threads === undefined ? { compression } : { compression, threads };
      assert.ok((await collect(compressBlocks(chunksOf(input), options))).equals(alone));
    });
  }
}

const headers: readonly (readonly [compression: BlockCompression, input: string, start: string])[] = [
  [gzip(6), 'hello', '1f8b08000000000000ff'],
  // One segment, one byte of content size, no checksum, no dictionary. (RFC 8878, section 3.1.1.1)
  [zstd(3), 'hello', '28b52ffd2005'],
  [zstd(22), 'hello', '28b52ffd2005'],
  [zstd(3), '', '28b52ffd2000'],
];

for (const [compression, text, start] of headers) {
  test(`compressBlocks() writes a header of ${compression.kind} at level ${compression.level} for "${text}" that says nothing of the machine`, async () => {
    const compressed = await collect(compressBlocks([Buffer.from(text)], { compression }));
    assert.equal(compressed.toString('hex', 0, start.length / 2), start);
  });
}

for (const compression of [gzip(10), zstd(0), zstd(23)]) {
  test(`compressBlocks() refuses level ${compression.level} of ${compression.kind}`, async () => {
    await assert.rejects(collect(compressBlocks([Buffer.from('hello')], { compression })), RangeError);
  });
}
