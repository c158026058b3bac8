import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { compressionOf } from '../../../../registry/oci/compression/compression-of.ts';
import { decompress } from '../../../../registry/oci/compression/decompress.ts';
import { requires } from '../../../support/requires.ts';
import { collect } from '../tar/archives.ts';

const { signal } = new AbortController();
const programs = ['gzip', 'zstd', 'xz', 'bzip2'] as const;
type Program = (typeof programs)[number];

/** More than two blocks of bzip2, and half of it does not compress. */
const text = Buffer.concat(
  Array.from({ length: 40_000 }, (_, index) => Buffer.from(`line ${index} ${Math.imul(index, 2_654_435_761) >>> 0}\n`)),
);

function packed(program: Program, input: Uint8Array = text, ...flags: readonly string[]): Buffer {
  return execFileSync(program, ['-c', ...flags], { input, maxBuffer: 1 << 30 });
}

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function unpacked(bytes: Uint8Array, size = 1 << 16): Promise<Buffer> {
  return collect(decompress(inPieces(bytes, size), compressionOf(bytes), { signal }));
}

for (const program of programs) {
  const needs = requires(`tool:${program}`);
  test(`decompress() reads ${program} in pieces of any size, several times in a row`, needs, async () => {
    const one = packed(program);
    assert.ok((await unpacked(one)).equals(text));
    assert.ok((await unpacked(one, 777)).equals(text));
    assert.ok((await unpacked(Buffer.concat([one, one]), 1001)).equals(Buffer.concat([text, text])));
    assert.ok((await unpacked(Buffer.concat([packed(program, Buffer.alloc(0)), one]))).equals(text));
  });

  test(`decompress() refuses ${program} that ends too early or is damaged`, needs, async () => {
    const one = packed(program);
    for (const length of [7, one.length >> 1, one.length - 8, one.length - 1]) {
      await assert.rejects(unpacked(one.subarray(0, length)), { name: 'DecompressError', code: 'damaged' }, String(length));
    }
    for (const at of [one.length >> 2, one.length >> 1, one.length - 9]) {
      const damaged = Buffer.from(one);
      damaged[at] = (damaged[at] ?? 0) ^ 0x14;
      await assert.rejects(unpacked(damaged), { name: 'DecompressError', code: 'damaged' }, String(at));
    }
  });
}

for (const program of ['zstd', 'xz', 'bzip2'] as const) {
  test(`decompress() refuses what follows ${program}`, requires(`tool:${program}`), async () => {
    const bytes = Buffer.concat([packed(program), Buffer.from('garbage garbage!')]);
    await assert.rejects(unpacked(bytes), { name: 'DecompressError', code: 'damaged' });
  });
}

test('decompress() refuses bzip2 that ends between two blocks', requires('tool:bzip2'), async () => {
  // A block of 100 kB and some of another.
  const one = packed('bzip2', text.subarray(0, 110_000), '-1');
  // After the last block come 48 bits of magic number and 32 of checksum, which need not begin at a byte.
  for (let length = one.length - 20; length < one.length; length += 1) {
    await assert.rejects(unpacked(one.subarray(0, length)), { code: 'damaged' }, String(length));
  }
});

const skippable = Buffer.from('5a2a4d1803000000aaaaaa', 'hex');

test('decompress() skips the frames of zstd that say so', requires('tool:zstd'), async () => {
  const frame = packed('zstd', Buffer.from('hello'), '--no-check');
  const bytes = Buffer.concat([skippable, frame, skippable, skippable, frame, skippable]);
  for (const size of [1, 3, bytes.length]) assert.equal((await unpacked(bytes, size)).toString(), 'hellohello');
  const many = Buffer.concat([...Array.from({ length: 20_000 }, () => skippable), frame]);
  assert.equal((await unpacked(many)).toString(), 'hello');
});

const forms: readonly (readonly [program: Program, flags: readonly string[]])[] = [
  ['zstd', ['--ultra', '-22', '--long=27']],
  ['xz', ['-9e']],
  ['xz', ['--check=none']],
  ['xz', ['--check=crc32', '--block-size=100000']],
  ['bzip2', ['-1']],
];

for (const [program, flags] of forms) {
  test(`decompress() reads ${program} ${flags.join(' ')}`, requires(`tool:${program}`), async () => {
    assert.ok((await unpacked(packed(program, text, ...flags))).equals(text));
  });
}

test('decompress() refuses a window of zstd that would take gigabytes', async () => {
  // A window of 2^31 bytes, no content size, one raw block. (RFC 8878, section 3.1.1.1.2)
  const bytes = Buffer.from('28b52ffd00a8090000aa', 'hex');
  await assert.rejects(unpacked(bytes), { code: 'damaged', message: /needs a window of more than 128 MiB/ });
});

test('decompress() takes little memory for what grows to a thousand times its size', requires('tool:bzip2'), async () => {
  const bytes = packed('bzip2', Buffer.alloc(30_000_000));
  assert.ok(bytes.length < 1000);
  let total = 0;
  for await (const chunk of decompress(inPieces(bytes, 50), 'bzip2', { signal })) total += chunk.length;
  assert.equal(total, 30_000_000);
});

test('decompress() stops where the reader stops, and when the build does', requires('tool:zstd'), async () => {
  const bytes = packed('zstd', Buffer.alloc(50_000_000));
  for await (const chunk of decompress(inPieces(bytes, 100), 'zstd', { signal })) {
    assert.ok(chunk.length > 0);
    break;
  }
  const stopped = AbortSignal.abort(new Error('enough'));
  await assert.rejects(collect(decompress(inPieces(bytes, 100), 'zstd', { signal: stopped })), /enough/);
});

test('decompress() lets errors of its source pass', requires('tool:xz'), async () => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield packed('xz').subarray(0, 100);
    throw new Error('the line is cut');
  }
  for (const compression of ['xz', 'none'] as const) {
    await assert.rejects(collect(decompress(broken(), compression, { signal })), /^Error: the line is cut$/);
  }
});

test('decompress() refuses what grows out of all proportion to a size that is known', async () => {
  const member = gzipSync(Buffer.alloc(1 << 26));
  const bytes = Buffer.concat(Array.from({ length: 32 }, () => member));
  const chunks = decompress(inPieces(bytes, 1 << 20), 'gzip', { signal, sizeBytes: 1000 });
  await assert.rejects(
    async () => {
      for await (const chunk of chunks) assert.ok(chunk.length > 0);
    },
    { code: 'too-large', message: /its 1000 bytes become more than/ },
  );
});
