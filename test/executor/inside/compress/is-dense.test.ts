import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { brotliCompressSync, constants } from 'node:zlib';
import { isDense } from '../../../../executor/inside/compress/is-dense.ts';

const KiB = 1024;

/** Bytes of which any two look unrelated, the same in every run. */
function mixed(length: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, index) =>
    createHash('sha256').update(String(index)).digest(),
  );
  return Buffer.concat(blocks).subarray(0, length);
}

/** Floating-point numbers: six bytes of eight look random. */
function numbers(count: number): Buffer {
  return Buffer.from(Float64Array.from({ length: count }, (_, index) => Math.sin(index)).buffer);
}

const program = readFileSync(process.execPath).subarray(0, 4096 * KiB);
// Of the same text with every version of Node: the beginning of a program compresses to something that looks less random with some.
const digits = Buffer.from(mixed(1024 * KiB).toString('hex'));
const compressed = brotliCompressSync(digits, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } });

const rows: readonly (readonly [what: string, bytes: Buffer, expected: boolean])[] = [
  ['random bytes', mixed(1024 * KiB), true],
  ['something compressed', compressed, true],
  ['a few random bytes', mixed(60 * KiB), false],
  ['nothing', Buffer.alloc(0), false],
  ['zeros', Buffer.alloc(1024 * KiB), false],
  ['a program', program, false],
  ['base64', Buffer.from(mixed(700 * KiB).toString('base64')), false],
  ['numbers', numbers(100_000), false],
  ['random bytes with a tenth of zeros', Buffer.concat([mixed(900 * KiB), Buffer.alloc(100 * KiB)]), false],
];

for (const [what, bytes, expected] of rows) {
  test(`isDense() says ${expected} of ${what}`, () => {
    assert.equal(isDense(bytes), expected);
  });
}
