import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { gzip } from '../../../executor/inside/compress/gzip.ts';
import { collect } from '../../registry/tar/archives.ts';

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
const golden: readonly (readonly [level: number, digest: string])[] = [
  [1, '409bc1b056dbec70d6a7ec11c3ab6e8c7207cb3cf69a370e4b51906f2f5c4c03'],
  [6, '5fee5289202c000570e40d40212df07145d0187d87425733529b2e1b87e9488c'],
];

for (const [level, digest] of golden) {
  test(`gzip() at level ${level} gives the same bytes everywhere`, async () => {
    const compressed = await collect(gzip(chunksOf(input), { level, threads: 0 }));
    assert.equal(sha256(compressed), digest);
    assert.ok(gunzipSync(compressed).equals(input));
  });
}

for (const threads of [1, 2, 3, undefined]) {
  test(`gzip() gives the same bytes with ${threads ?? 'the usual number of'} threads`, async () => {
    const alone = await collect(gzip(chunksOf(input), { level: 1, threads: 0 }));
    const compressed = await collect(gzip(chunksOf(input), threads === undefined ? { level: 1 } : { level: 1, threads }));
    assert.ok(compressed.equals(alone));
  });
}

test('gzip() writes a header that says nothing of the machine', async () => {
  const compressed = await collect(gzip([Buffer.from('hello')], { level: 6 }));
  assert.equal(compressed.toString('hex', 0, 10), '1f8b08000000000000ff');
});

test('gzip() refuses levels that do not exist', async () => {
  await assert.rejects(collect(gzip([Buffer.from('hello')], { level: 12 })), RangeError);
});
