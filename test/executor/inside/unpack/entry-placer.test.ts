import assert from 'node:assert/strict';
import { closeSync, lstatSync, mkdirSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { cleanPath, splitPath } from '../../../../executor/inside/files/folder-cache.ts';
import { FolderTimes } from '../../../../executor/inside/files/folder-times.ts';
import { openFolderIfExists } from '../../../../executor/inside/root/open-folder.ts';
import { makeDirectories } from '../../../../executor/inside/root/resolve-in-root.ts';
import { EntryPlacer, spotIn } from '../../../../executor/inside/unpack/entry-placer.ts';
import { digestOf } from '../../../../registry/oci/digest.ts';
import { Pace } from '../../../../registry/oci/pace.ts';
import { bytesOfPath, type RawPath, rawPath } from '../../../../registry/oci/raw-path.ts';
import { type TarHeader, tarHeader } from '../../../../registry/oci/tar/header.ts';
import type { TarEntry } from '../../../../registry/oci/tar/reader.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];

/** Few names, so that entries meet. */
const path = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 }).map((names) => rawPath(names.join('/')));
const target = fc.oneof(path, fc.constantFrom('..', '../b', '/a', 'missing').map(rawPath));
// Who runs the test may not be allowed everything in folders that are closed to it.
const attributes = { path, mode: fc.constantFrom(0o700, 0o755), mtime: fc.integer({ min: -1, max: 9 }) };

interface Described extends Partial<TarHeader> {
  readonly path: RawPath;
  readonly type: TarHeader['type'];
  /** What the content is made of. */
  readonly byte?: number;
  /** False for a content that comes as a stream. */
  readonly isAtHand?: boolean;
}

function entryOf({ byte = 0, isAtHand = true, ...fields }: Described): TarEntry {
  const header = tarHeader(fields);
  const bytes = Buffer.alloc(header.size, byte);
  async function* content(): AsyncGenerator<Uint8Array> {
    yield bytes;
  }
  return { header, content: content(), bytes: isAtHand ? bytes : undefined };
}

const anyEntry: fc.Arbitrary<Described> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      ...attributes,
      type: fc.constant('file'),
      size: fc.constantFrom(0, 1, 40_000),
      byte: fc.nat(255),
      isAtHand: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ ...attributes, type: fc.constantFrom('directory', 'fifo') }) },
  { weight: 2, arbitrary: fc.record({ ...attributes, target, type: fc.constantFrom('symlink', 'hardlink') }) },
);

/** As ImpliedFolders does, but for whoever runs the test. */
function makeFolder(rootFd: number, each: RawPath, times: FolderTimes): number {
  makeDirectories(rootFd, bytesOfPath(each), { mode: 0o755, uid, gid, onMade: (made) => times.set(made, 5) });
  const fd = openFolderIfExists(rootFd, each);
  if (fd === undefined) throw new Error('an earlier entry is not a folder');
  return fd;
}

/** What became of the entries, and the tree that they made; or why they could not be unpacked. */
async function unpack(entries: readonly TarEntry[], folder: string, isNew: boolean): Promise<unknown> {
  mkdirSync(folder);
  const rootFd = openSync(folder, 'r');
  const times = new FolderTimes();
  try {
    await using placer = new EntryPlacer({
      rootFd,
      times,
      openFolder: (each) => openFolderIfExists(rootFd, each) ?? makeFolder(rootFd, each, times),
      attributes: ({ mode, mtime, xattrs }) => ({ mode, uid, gid, mtime, xattrs }),
      isNew,
      pace: new Pace(),
    });
    const placed: unknown[] = [];
    for (const each of entries) {
      const { parent, name } = splitPath(cleanPath(each.header.path));
      placed.push(await placer.place(each, spotIn(await placer.folder(parent), name)));
    }
    await placer.finish('an archive', () => undefined);
    return { placed, tree: describe(folder, rawPath('')) };
  } catch (error) {
    assert.ok(error instanceof Error);
    return error.message.replaceAll(folder, '');
  } finally {
    closeSync(rootFd);
  }
}

function describe(folder: string, below: RawPath, inodes = new Map<number, string>()): readonly unknown[] {
  return readdirSync(folder)
    .toSorted()
    .map((name) => {
      const [here, shown] = [`${folder}/${name}`, `${below}/${name}`];
      const status = lstatSync(here);
      const first = inodes.get(status.ino) ?? shown;
      inodes.set(status.ino, first);
      const common = { shown, mode: status.mode, mtime: Math.floor(status.mtimeMs / 1000), first };
      if (status.isDirectory()) return [common, describe(here, rawPath(shown), inodes)];
      if (status.isSymbolicLink()) return { ...common, target: readlinkSync(here) };
      return status.isFile() ? { ...common, content: digestOf(readFileSync(here)) } : common;
    });
}

test('EntryPlacer makes the same tree when files may wait for each other', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyEntry, { maxLength: 25 }), async (entries) => {
      using folder = temporaryFolder('placer');
      const alone = await unpack(entries.map(entryOf), folder.at('alone'), false);
      const together = await unpack(entries.map(entryOf), folder.at('together'), true);
      assert.deepEqual(together, alone);
    }),
    { numRuns: 400 },
  );
});

const common = { mode: 0o755, mtime: -2 };

function described(rows: readonly (readonly [type: TarHeader['type'], path: string, target?: string])[]): readonly Described[] {
  return rows.map(([type, each, to = '']) => ({
    ...common,
    type,
    path: rawPath(each),
    target: rawPath(to),
    size: type === 'file' ? 1 : 0,
  }));
}

/** What only few random archives have. */
const meetings: readonly (readonly [what: string, rows: Parameters<typeof described>[0]])[] = [
  [
    'a file in the place of a link that led to a folder',
    [
      ['symlink', 'l', 'd'],
      ['file', 'l/x'],
      ['file', 'l'],
      ['file', 'l/y'],
    ],
  ],
  [
    'a file in the place of a folder that is in use',
    [
      ['file', 'd/x'],
      ['file', 'd'],
      ['file', 'd/y'],
    ],
  ],
  [
    'a file in the place of what a folder in use is in',
    [
      ['file', 'd/e/x'],
      ['file', 'd'],
      ['file', 'd/e/y'],
    ],
  ],
  [
    'a file in the place of a folder that is not in use',
    [
      ['directory', 'd'],
      ['file', 'd'],
      ['file', 'x'],
    ],
  ],
  [
    'a folder in the place of a file',
    [
      ['file', 'd'],
      ['directory', 'd'],
      ['file', 'd/x'],
    ],
  ],
  [
    'a folder that an entry implies in the place of a file',
    [
      ['file', 'd'],
      ['file', 'd/x'],
    ],
  ],
  [
    'a link in the place of a folder with a file',
    [
      ['file', 'd/x'],
      ['symlink', 'd', 'e'],
      ['file', 'd/y'],
    ],
  ],
  [
    'a file behind a link as a folder',
    [
      ['directory', 'd'],
      ['symlink', 'l', 'd'],
      ['file', 'd/f'],
      ['file', 'l/f/x'],
    ],
  ],
  [
    'a hard link to a file that is about to be made',
    [
      ['file', 'f'],
      ['hardlink', 'g', 'f'],
      ['file', 'f'],
    ],
  ],
  [
    'the same file three times',
    [
      ['file', 'f'],
      ['file', 'f'],
      ['file', 'f'],
    ],
  ],
];

for (const [what, rows] of meetings) {
  test(`EntryPlacer makes the same of ${what}`, async () => {
    using folder = temporaryFolder('placer');
    const entries = described(rows);
    const alone = await unpack(entries.map(entryOf), folder.at('alone'), false);
    assert.deepEqual(await unpack(entries.map(entryOf), folder.at('together'), true), alone);
  });
}

test('EntryPlacer keeps times before 1970', async () => {
  using folder = temporaryFolder('placer');
  for (const isNew of [false, true]) {
    const root = folder.at(`${isNew}`);
    await unpack(
      described([
        ['file', 'f'],
        ['directory', 'd'],
        ['symlink', 'l', 'f'],
        ['fifo', 'p'],
      ]).map(entryOf),
      root,
      isNew,
    );
    for (const name of ['f', 'd', 'l', 'p']) assert.equal(lstatSync(`${root}/${name}`).mtimeMs, -2000, name);
  }
});

test('EntryPlacer makes thousands of files, and tells why one cannot be made', async () => {
  using folder = temporaryFolder('placer');
  const files = Array.from({ length: 2000 }, (_, number): Described => {
    return { path: rawPath(`${number % 90}/${number}`), type: 'file', mode: 0o644, mtime: 7, size: 3, byte: number % 256 };
  });
  const again: Described = { path: rawPath('3/3'), type: 'file', mode: 0o600, mtime: 8, size: 5, byte: 1 };
  const result = await unpack([...files, again].map(entryOf), folder.at('many'), true);
  assert.equal(typeof result, 'object', String(result));
  for (const number of [0, 511, 512, 1999]) {
    assert.deepEqual(readFileSync(folder.at(`many/${number % 90}/${number}`)), Buffer.alloc(3, number % 256));
  }
  assert.deepEqual(readFileSync(folder.at('many/3/3')), Buffer.alloc(5, 1));
  assert.equal(lstatSync(folder.at('many/3/3')).mode & 0o777, 0o600);
  const tooLong: Described = { path: rawPath('n'.repeat(300)), type: 'file' };
  assert.match(String(await unpack([tooLong, ...files.slice(0, 10)].map(entryOf), folder.at('long'), true)), /ENAMETOOLONG/);
});
