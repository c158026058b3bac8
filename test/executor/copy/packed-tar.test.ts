import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { packedTar } from '../../../executor/inside/copy/packed-tar.ts';
import { SourceTree } from '../../../executor/inside/copy/source-tree.ts';
import type { PackedItem } from '../../../executor/inside/copy/tar-chunk.ts';
import { pathOfText } from '../../../registry/oci/raw-path.ts';
import { tarHeader } from '../../../registry/oci/tar/header.ts';
import { writeTar } from '../../../registry/oci/tar/writer.ts';
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.ts';

function openTree(folder: TemporaryFolder): SourceTree {
  const context = { signal: new AbortController().signal, warn: () => undefined };
  return new SourceTree({ kind: 'directory', path: folder.path }, context);
}

function write(folder: TemporaryFolder, name: string, content: Uint8Array): void {
  mkdirSync(dirname(folder.at(name)), { recursive: true });
  writeFileSync(folder.at(name), content);
}

/** The item of a file as it is now. */
function fileItem(folder: TemporaryFolder, name: string): PackedItem {
  const content = readFileSync(folder.at(name));
  const path = pathOfText(name);
  const file = { from: path, digest: createHash('sha256').update(content).digest('hex') };
  return {
    header: tarHeader({ path, type: 'file', mode: 0o644, mtime: 1, size: content.length }),
    file: content.length === 0 ? undefined : file,
  };
}

/** All bytes, copied, since each piece may be overwritten after the next but one. */
async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const copies: Buffer[] = [];
  for await (const piece of pieces) {
    copies.push(Buffer.from(piece));
  }
  return Buffer.concat(copies);
}

async function expected(folder: TemporaryFolder, items: readonly PackedItem[]): Promise<Buffer> {
  const inputs = items.map(({ header, file }) =>
    file === undefined ? { header } : { header, content: readFileSync(folder.at(file.from)) },
  );
  return collect(writeTar(inputs));
}

const mebibyte = 1 << 20;

test('packedTar() gives the tar of any files', async () => {
  const sizes = fc.array(
    fc.oneof(
      { weight: 8, arbitrary: fc.integer({ min: 0, max: 3000 }) },
      { weight: 1, arbitrary: fc.integer({ min: mebibyte - 2048, max: mebibyte + 2048 }) },
      { weight: 1, arbitrary: fc.integer({ min: 2 * mebibyte, max: 4 * mebibyte }) },
    ),
    { maxLength: 12 },
  );
  await fc.assert(
    fc.asyncProperty(sizes, fc.boolean(), async (lengths, areLong) => {
      using folder = temporaryFolder('packed-tar');
      const names = lengths.map((length, index) => `${index}/${(areLong ? 'n' : '').repeat(200)}${length}`);
      names.forEach((name, index) => write(folder, name, randomBytes(lengths[index] ?? 0)));
      const items = names.map((name) => fileItem(folder, name));
      using tree = openTree(folder);
      assert.ok((await collect(packedTar(items, tree))).equals(await expected(folder, items)));
    }),
    { numRuns: 40 },
  );
});

test('packedTar() gives the tar of many small files', async () => {
  using folder = temporaryFolder('packed-tar');
  const names = Array.from({ length: 3000 }, (_, index) => `${index % 7}/${index}`);
  names.forEach((name, index) => write(folder, name, Buffer.from(name.repeat(1 + (index % 300)))));
  const items = names.map((name) => fileItem(folder, name));
  using tree = openTree(folder);
  assert.ok((await collect(packedTar(items, tree))).equals(await expected(folder, items)));
});

const changes: readonly [what: string, size: number, change: (folder: TemporaryFolder) => void, message: RegExp][] = [
  ['a small file with other content', 100, (folder) => writeFileSync(folder.at('file'), randomBytes(100)), /it changed/],
  ['a small file that became shorter', 100, (folder) => truncateSync(folder.at('file'), 50), /it changed/],
  ['a file that is gone', 100, (folder) => rmSync(folder.at('file')), /it changed/],
  ['a large file with other content', 3 * mebibyte, (folder) => writeFileSync(folder.at('file'), 'x'), /it changed/],
  [
    'a link in the place of a file',
    100,
    (folder) => {
      rmSync(folder.at('file'));
      symlinkSync('/etc/passwd', folder.at('file'));
    },
    /it changed/,
  ],
  [
    'a folder in the place of a file',
    100,
    (folder) => {
      rmSync(folder.at('file'));
      mkdirSync(folder.at('file'));
    },
    /it changed/,
  ],
];

for (const [what, size, change, message] of changes) {
  test(`packedTar() refuses ${what}`, async () => {
    using folder = temporaryFolder('packed-tar');
    write(folder, 'before', randomBytes(10));
    write(folder, 'file', randomBytes(size));
    const items = ['before', 'file'].map((name) => fileItem(folder, name));
    change(folder);
    using tree = openTree(folder);
    await assert.rejects(collect(packedTar(items, tree)), message);
  });
}

test('packedTar() can be left in the middle', async () => {
  using folder = temporaryFolder('packed-tar');
  const names = Array.from({ length: 4 }, (_, index) => `${index}`);
  for (const name of names) write(folder, name, randomBytes(mebibyte - 4096));
  const items = names.map((name) => fileItem(folder, name));
  using tree = openTree(folder);
  for await (const piece of packedTar(items, tree)) {
    assert.ok(piece.length > 0);
    break;
  }
});
