import assert from 'node:assert/strict';
import { test } from 'node:test';
import { looksLikeArchive } from '../../../builder/inputs/archive-magic.ts';

const header = Buffer.alloc(512);
header.write('name', 0);
header.write('        ', 148);
header.write(
  `${[...header]
    .reduce((sum, byte) => sum + byte, 0)
    .toString(8)
    .padStart(6, '0')}\0 `,
  148,
);

const nameless = Buffer.alloc(512);
nameless.write(`${(8 * 0x20).toString(8).padStart(6, '0')}\0 `, 148);

const files: readonly [name: string, bytes: Uint8Array, isArchive: boolean][] = [
  ['a tar header', header, true],
  ['a tar header without a name', nameless, true],
  ['a tar header with a wrong checksum', Buffer.concat([Buffer.from('x'), header.subarray(1)]), false],
  ['gzip', Buffer.from([0x1f, 0x8b, 8, 0]), true],
  ['bzip2', Buffer.from('BZh9'), true],
  ['xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]), true],
  ['zstd', Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), true],
  ['text', Buffer.from('hello'), false],
  ['nothing', Buffer.alloc(0), false],
  ['zeros', Buffer.alloc(512), false],
];

for (const [name, bytes, isArchive] of files) {
  test(`looksLikeArchive() says ${isArchive ? 'yes' : 'no'} to ${name}`, () => {
    assert.equal(looksLikeArchive(bytes), isArchive);
  });
}
