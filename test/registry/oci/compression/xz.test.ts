import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { decompress } from '../../../../registry/oci/compression/decompress.ts';
import { beyondXzEmbedded } from '../../../../registry/oci/compression/xz-headers.ts';
import { requires } from '../../../support/requires.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { collect } from '../tar/archives.ts';

/** Machine code, which is what most filters are for. */
const code = readFileSync(process.execPath).subarray(0, 600_000);
const needs = requires('tool:xz');

function packed(...flags: readonly string[]): Buffer {
  return execFileSync('xz', ['-c', ...flags], { input: code, maxBuffer: 1 << 30 });
}

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function unpacked(bytes: Uint8Array, size = 1 << 16, options: Parameters<typeof decompress>[2] = {}): Promise<Buffer> {
  return collect(decompress(inPieces(bytes, size), 'xz', options));
}

const lzma2 = '--lzma2=preset=1';
const ofTheProgram: readonly (readonly [flags: readonly string[], need: string])[] = [
  ...['x86', 'powerpc', 'ia64', 'arm', 'armthumb', 'sparc', 'arm64'].map(
    (name) => [[`--${name}`, lzma2], `it has the filter "${name}"`] as const,
  ),
  [['--delta=dist=4', lzma2], 'it has the filter "delta"'],
  [['--delta', '--x86=start=4096', lzma2], 'it has the filter "delta"'],
  [['--check=sha256', '-1'], 'its check is SHA-256'],
  [['--check=sha256', '--x86', lzma2, '--block-size=100000'], 'its check is SHA-256'],
  // Sizes stand in the headers of blocks that several threads have made.
  [['-T2', '--block-size=100000', '--x86', lzma2], 'it has the filter "x86"'],
  [['--lzma2=preset=1,dict=128MiB'], 'its dictionary has 128 MiB'],
  [['--lzma2=preset=1,dict=96MiB'], 'its dictionary has 96 MiB'],
];

for (const [flags, need] of ofTheProgram) {
  test(`decompress() reads xz ${flags.join(' ')} with the program`, needs, async () => {
    const one = packed(...flags);
    assert.equal(beyondXzEmbedded(one), need);
    assert.ok((await unpacked(one, 777)).equals(code));
  });
}

test('decompress() reads several streams of a filter, with padding between and behind them', needs, async () => {
  const parts = [
    packed('--x86', lzma2),
    Buffer.alloc(8),
    packed('--check=sha256'),
    Buffer.alloc(4),
    packed('-0'),
    Buffer.alloc(12),
  ];
  assert.ok((await unpacked(Buffer.concat(parts))).equals(Buffer.concat([code, code, code])));
});

for (const flags of [['-9e'], ['--check=none'], ['--check=crc32'], ['-T2', '--block-size=100000']]) {
  test(`decompress() needs no program for xz ${flags.join(' ')}`, needs, () => {
    assert.equal(beyondXzEmbedded(packed(...flags)), undefined);
  });
}

test('beyondXzEmbedded() takes an empty stream and what is no header', needs, () => {
  assert.equal(beyondXzEmbedded(execFileSync('xz', ['-c'], { input: '' })), undefined);
  const start = packed('-0').subarray(0, 12);
  for (const rest of ['', 'ff', 'ffff', `ffff${'ff'.repeat(1022)}`, '0200']) {
    const head = Buffer.concat([start, Buffer.from(rest, 'hex')]);
    assert.match(String(beyondXzEmbedded(head)), /^(undefined|it has the filter \d+)$/, rest);
  }
});

test('decompress() refuses xz with a filter that ends too early, is damaged or has something behind it', needs, async () => {
  const one = packed('--x86', lzma2);
  const damaged = Buffer.from(one);
  damaged[one.length >> 1] = (damaged[one.length >> 1] ?? 0) ^ 0x14;
  for (const length of [40, one.length >> 1, one.length - 1]) {
    await assert.rejects(unpacked(one.subarray(0, length)), { code: 'damaged', message: 'it ends too early' }, String(length));
  }
  for (const bytes of [damaged, Buffer.concat([one, Buffer.from('garbage garbage!')]), Buffer.concat([one, Buffer.alloc(3)])]) {
    await assert.rejects(unpacked(bytes), { code: 'damaged', message: 'it is damaged' });
  }
});

test('decompress() bounds what the program may take', needs, async () => {
  const hint = 'Install xz of XZ Utils, or compress it anew: xz -dc OLD | xz > NEW';
  const message = 'its dictionary has 256 MiB, which takes "xz" more memory than 136MiB';
  await assert.rejects(unpacked(packed('--lzma2=preset=1,dict=256MiB')), { code: 'unsupported', message, hint });
});

test('decompress() refuses what the program makes grow out of all proportion', needs, async () => {
  const part = execFileSync('xz', ['-c0', '--check=sha256'], { input: Buffer.alloc(60_000_000) });
  const zeros = Buffer.concat(Array.from({ length: 20 }, () => part));
  await assert.rejects(
    async () => {
      for await (const chunk of decompress(inPieces(zeros, 1 << 16), 'xz', { mostGrowth: 200 })) assert.ok(chunk.length > 0);
    },
    { code: 'too-large', message: /become more than/ },
  );
});

/** Runs with other programs in PATH. */
async function withPath(path: string, use: () => Promise<void>): Promise<void> {
  const before = process.env['PATH'];
  process.env['PATH'] = path;
  try {
    await use();
  } finally {
    process.env['PATH'] = before;
  }
}

test('decompress() says what it lacks where the program is missing or another one', needs, async () => {
  using folder = temporaryFolder();
  const one = packed('--x86', lzma2);
  const plain = packed('-0');
  const refused = (message: string): Promise<void> => assert.rejects(unpacked(one), { code: 'unsupported', message });
  await withPath(folder.at('.'), async () => {
    await refused('it has the filter "x86", and there is no program "xz" to read it with');
    assert.ok((await unpacked(plain)).equals(code));
  });
  writeFileSync(folder.at('xz'), '#!/bin/sh\necho "xz: unrecognized option: $1" >&2\nexit 1\n', { mode: 0o755 });
  await withPath(`${folder.at('.')}:/usr/bin:/bin`, () =>
    refused('it has the filter "x86", and the program "xz" does not read it (xz: unrecognized option: --decompress)'),
  );
});

test('decompress() says that a later stream needs more than the first', needs, async () => {
  await assert.rejects(unpacked(Buffer.concat([packed('-0'), packed('--x86', lzma2)])), {
    code: 'unsupported',
    message: 'a later part of it has a filter or a kind of check that its first one does not have',
  });
});

test('decompress() stops the program where the reader stops, and when the build does', needs, async () => {
  const one = packed('--x86', lzma2);
  for await (const chunk of decompress(inPieces(one, 100), 'xz')) {
    assert.ok(chunk.length > 0);
    break;
  }
  await assert.rejects(unpacked(one, 100, { signal: AbortSignal.abort(new Error('enough')) }), /enough/);
  const stop = new AbortController();
  await assert.rejects(async () => {
    for await (const chunk of decompress(endless(one), 'xz', { signal: stop.signal })) {
      assert.ok(chunk.length > 0);
      stop.abort(new Error('enough'));
    }
  }, /enough/);
});

async function* endless(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (;;) yield bytes;
}

test('decompress() lets errors of its source pass while the program runs', needs, async () => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield packed('--x86', lzma2).subarray(0, 5000);
    throw new Error('the line is cut');
  }
  await assert.rejects(collect(decompress(broken(), 'xz')), /^Error: the line is cut$/);
});
