import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { PackedItem, PackedRun } from '../../../../executor/inside/copy/packed-item.ts';
import { packedTar } from '../../../../executor/inside/copy/packed-tar.ts';
import { SourceTree } from '../../../../executor/inside/copy/source-tree.ts';

import type { LayerRun } from '../../../../registry/oci/layer/layer-run.ts';
import { pathOfText, textOfPath } from '../../../../registry/oci/raw-path.ts';
import { FileHeaders } from '../../../../registry/oci/tar/file-headers.ts';
import { tarHeader } from '../../../../registry/oci/tar/header.ts';
import { writeTar } from '../../../../registry/oci/tar/writer.ts';
import { type TemporaryFolder, temporaryFolder } from '../../../support/temporary-folder.ts';

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
    file === undefined ? { header } : { header, content: readFileSync(folder.at(textOfPath(file.from))) },
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

/** Files of a folder as they are now. */
function packedRun(folder: TemporaryFolder, parent: string, names: readonly string[]): PackedRun {
  const contents = names.map((name) => readFileSync(folder.at(`${parent}/${name}`)));
  const attributes = { folder: pathOfText(parent), mode: 0o644, uid: 0, gid: 0 };
  const files: LayerRun = {
    type: 'files',
    ...attributes,
    names: names.map(pathOfText),
    sizes: contents.map(({ length }) => length),
    mtimes: contents.map(() => 1),
    digests: contents.map((content) => createHash('sha256').update(content).digest('hex')).join(''),
  };
  return { files, headers: new FileHeaders(attributes.folder, attributes), from: attributes.folder };
}

test('packedTar() gives the same for a run as for its files', async () => {
  const file = fc.record({
    name: fc.constantFrom('n', 'ü', 'long'.repeat(25), '"'),
    length: fc.oneof(
      { weight: 8, arbitrary: fc.integer({ min: 0, max: 3000 }) },
      { weight: 1, arbitrary: fc.integer({ min: mebibyte - 2048, max: 3 * mebibyte }) },
    ),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(file, { maxLength: 12 }), async (files) => {
      using folder = temporaryFolder('packed-tar');
      const names = files.map(({ name }, index) => `${name}${index}`);
      names.forEach((name, index) => write(folder, `d/${name}`, randomBytes(files[index]?.length ?? 0)));
      const items = names.map((name) => fileItem(folder, `d/${name}`));
      using tree = openTree(folder);
      assert.ok((await collect(packedTar([packedRun(folder, 'd', names)], tree))).equals(await expected(folder, items)));
    }),
    { numRuns: 40 },
  );
});

test('packedTar() reads a run of more files than a piece has room for', async () => {
  using folder = temporaryFolder('packed-tar');
  const names = Array.from({ length: 3000 }, (_, index) => `${index}`);
  for (const name of names) write(folder, `d/${name}`, Buffer.from(name));
  const items = names.map((name) => fileItem(folder, `d/${name}`));
  using tree = openTree(folder);
  assert.ok((await collect(packedTar([packedRun(folder, 'd', names)], tree))).equals(await expected(folder, items)));
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
    const run = packedRun(folder, '.', ['before', 'file']);
    change(folder);
    using tree = openTree(folder);
    await assert.rejects(collect(packedTar(items, tree)), message);
    await assert.rejects(collect(packedTar([run], tree)), message);
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
