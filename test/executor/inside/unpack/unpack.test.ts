import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { digestOf } from '../../../../registry/oci/digest.ts';
import { type TarInput, writeTar } from '../../../../registry/oci/tar/writer.ts';
import { collect, holes } from '../../../registry/oci/tar/archives.ts';
import { requires } from '../../../support/requires.ts';
import { describeEntry } from '../describe-entry.ts';
import { Lab } from '../lab.ts';
import { dir, file, hardlink, node, symlink } from '../tar-inputs.ts';

const needs = requires('user:subids', 'user-namespaces');
let lab: Lab;
before(async () => {
  if (needs.skip === undefined) lab = await Lab.open();
});
after(async () => lab?.[Symbol.asyncDispose]());

/** What lies on disk: one line for each name. */
async function onDisk(fs: string): Promise<string[]> {
  const format = `%n %a %u:%g %Y %F`;
  const lines = await lab.shell(`cd ${fs}; find . -mindepth 1 -exec stat -c '${format}' {} + | sort`);
  return lines
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/^\.\//, ''));
}

interface Row {
  readonly what: string;
  readonly entries: readonly TarInput[];
  readonly lowers?: readonly (readonly TarInput[])[];
  readonly disk: readonly string[];
  readonly opaque?: readonly string[];
}

const rows: readonly Row[] = [
  {
    what: 'all types with owner, mode and time',
    entries: [
      dir('d', { mode: 0o2751, uid: 1, gid: 2, mtime: 5 }),
      file('d/f', 'text', { mode: 0o4755, uid: 3, gid: 4, mtime: 6 }),
      hardlink('d/h', 'd/f', { mode: 0o4755, uid: 3, gid: 4, mtime: 6 }),
      symlink('l', '/d/f', { uid: 5, gid: 6, mtime: 7 }),
      node('p', { type: 'fifo', mode: 0o600, mtime: 8 }),
    ],
    disk: [
      'd 2751 1:2 5 directory',
      'd/f 4755 3:4 6 regular file',
      'd/h 4755 3:4 6 regular file',
      'l 777 5:6 7 symbolic link',
      'p 600 0:0 8 fifo',
    ],
  },
  {
    what: 'names that climb, are absolute or are written in a roundabout way, all inside the layer',
    entries: [file('../../a', ''), file('/b', ''), file('./x/../c', ''), file('y//./z', ''), hardlink('../h', '../../../a', {})],
    disk: [
      'a 644 0:0 0 regular empty file',
      'b 644 0:0 0 regular empty file',
      'c 644 0:0 0 regular empty file',
      'h 644 0:0 0 regular empty file',
      'y 755 0:0 315619200 directory',
      'y/z 644 0:0 0 regular empty file',
    ],
  },
  {
    what: 'files behind links, inside the layer only',
    entries: [
      symlink('abs', '/'),
      symlink('up', '../../..'),
      symlink('dangling', '/new/folder'),
      file('abs/one', ''),
      file('up/two', ''),
      file('dangling/three', ''),
    ],
    disk: [
      'abs 777 0:0 0 symbolic link',
      'dangling 777 0:0 0 symbolic link',
      'new 755 0:0 315619200 directory',
      'new/folder 755 0:0 315619200 directory',
      'new/folder/three 644 0:0 0 regular empty file',
      'one 644 0:0 0 regular empty file',
      'two 644 0:0 0 regular empty file',
      'up 777 0:0 0 symbolic link',
    ],
  },
  {
    what: 'later entries over earlier ones: folders join, all else is replaced and no link is followed',
    entries: [
      dir('d', { mode: 0o700 }),
      file('d/kept', ''),
      dir('d', { mode: 0o711, mtime: 3 }),
      dir('tree', {}),
      file('tree/x', ''),
      file('tree', 'now a file', { mtime: 4 }),
      file('f', 'first'),
      dir('f', { mtime: 9 }),
      symlink('l', 'd/kept', {}),
      file('l', 'not followed', { mtime: 5 }),
      file('one', '1'),
      hardlink('two', 'one', {}),
      file('two', '2', { mtime: 6 }),
      symlink('s', 'd', {}),
      dir('s', { mtime: 7 }),
      file('s/inside', ''),
    ],
    disk: [
      'd 711 0:0 3 directory',
      'd/kept 644 0:0 0 regular empty file',
      'f 755 0:0 9 directory',
      'l 644 0:0 5 regular file',
      'one 644 0:0 0 regular file',
      's 755 0:0 7 directory',
      's/inside 644 0:0 0 regular empty file',
      'tree 644 0:0 4 regular file',
      'two 644 0:0 6 regular file',
    ],
  },
  {
    what: 'whiteouts, also beside what the same layer makes',
    lowers: [[file('gone', '')]],
    entries: [
      file('.wh.gone', ''),
      dir('d', {}),
      file('d/.wh..wh..opq', ''),
      file('.wh.new', ''),
      dir('new', {}),
      dir('late', {}),
      file('.wh.late', ''),
      file('.wh.implied', ''),
      file('implied/x', ''),
      file('.wh..wh.plnk', ''),
      file('.wh.file', ''),
      file('file', ''),
    ],
    disk: [
      'd 755 0:0 0 directory',
      'file 644 0:0 0 regular empty file',
      'gone 0 0:0',
      'implied 755 0:0 315619200 directory',
      'implied/x 644 0:0 0 regular empty file',
      'late 755 0:0 0 directory',
      'new 755 0:0 0 directory',
    ],
    opaque: ['d', 'implied', 'late', 'new'],
  },
  {
    what: 'whiteouts of what is below and no others, whatever hides it',
    lowers: [
      [dir('d', {}), file('d/there', ''), file('d/deleted', ''), dir('o', {}), file('o/x', ''), dir('f', {}), file('f/x', '')],
      [
        file('d/.wh.deleted', ''),
        dir('d/deep', {}),
        file('d/deep/x', ''),
        dir('o', {}),
        file('o/.wh..wh..opq', ''),
        file('.wh.f', ''),
      ],
    ],
    entries: [
      dir('d', {}),
      file('d/.wh.there', ''),
      file('d/.wh.deleted', ''),
      file('d/.wh.never', ''),
      file('d/deep/.wh.x', ''),
      dir('o', {}),
      file('o/.wh.x', ''),
      dir('f', {}),
      file('f/.wh.x', ''),
      dir('new', {}),
      file('new/.wh.x', ''),
      dir('late', {}),
      file('late/.wh.x', ''),
      file('late/.wh..wh..opq', ''),
    ],
    disk: [
      'd 755 0:0 0 directory',
      'd/deep 755 0:0 0 directory',
      'd/deep/x 0 0:0',
      'd/there 0 0:0',
      'f 755 0:0 0 directory',
      'late 755 0:0 0 directory',
      'new 755 0:0 0 directory',
      'o 755 0:0 0 directory',
    ],
    opaque: ['late'],
  },
  {
    what: 'implied folders that look like those below, the topmost counts',
    lowers: [
      [dir('a', { mode: 0o700, uid: 1, mtime: 1 }), dir('a/b', { mode: 0o711, gid: 2, mtime: 2 })],
      [dir('a', { mode: 0o1777, uid: 3, mtime: 3 })],
    ],
    entries: [file('a/b/c/f', '')],
    disk: [
      'a 1777 3:0 3 directory',
      'a/b 711 0:2 2 directory',
      'a/b/c 755 0:0 315619200 directory',
      'a/b/c/f 644 0:0 0 regular empty file',
    ],
  },
];

for (const { what, entries, lowers = [], disk, opaque = [] } of rows) {
  test(`unpack() makes ${what}`, needs, async () => {
    const below: string[] = [];
    for (const lower of lowers) below.push((await lab.unpack(lower, [...below])).fs);
    const { fs } = await lab.unpack(entries, below);
    const found = (await onDisk(fs)).map((line) =>
      line.endsWith('character special file') ? line.split(' ').slice(0, 3).join(' ') : line,
    );
    assert.deepEqual(found, disk);
    const xattrs = await lab.order({ kind: 'opaque', path: fs });
    assert.deepEqual(xattrs, opaque);
    assert.deepEqual(lab.warnings, []);
  });
}

test('unpack() writes an index of where things are', needs, async () => {
  const { entries, facts } = await lab.unpack([
    dir('', { mode: 0o711, mtime: 1 }),
    symlink('l', 'd', {}),
    dir('d', {}),
    file('l/f', 'text', {
      xattrs: new Map([
        ['user.overlay.opaque', Buffer.from('y')],
        ['user.x', Buffer.from('1')],
        ['trusted.y', Buffer.from('2')],
      ]),
    }),
    hardlink('h', 'l/f', {}),
    file('d/.wh.gone', ''),
    file('l/.wh..wh..opq', ''),
    node('dev', { type: 'char', major: 1, minor: 3, mode: 0o666 }),
    node('zero', { type: 'char' }),
  ]);
  assert.deepEqual(
    entries.map((entry) => describeEntry(entry, ['text'])),
    [
      'directory  711 0:0 @1',
      'symlink l 777 0:0 @0 -> d',
      'directory d 755 0:0 @0',
      'file d/f 644 0:0 @0 text user.x=MQ==',
      'hardlink h 644 0:0 @0 -> d/f',
      'whiteout d/gone',
      'opaque d',
      'char dev 666 0:0 @0 1:3',
      'char zero 0 0:0 @0 0:0',
    ],
  );
  assert.equal(facts.entries, 9);
  assert.deepEqual(lab.warnings, ['2 device nodes of a layer cannot be made by a user and left out: "/dev" and others']);
});

const archive = (entries: readonly TarInput[]) => collect(writeTar(entries));
const refusals: readonly (readonly [what: string, entries: readonly TarInput[], code: string, message: RegExp])[] = [
  [
    'an owner that is not mapped',
    [file('f', '', { uid: 70_000 })],
    'no-mapped-id',
    /^Cannot make "\/f": it belongs to user 70000, and files here can belong to 0-65536 only$/,
  ],
  ['a group that is not mapped', [file('f', '', { gid: 4_000_000_000 })], 'no-mapped-id', /group 4000000000/],
  ['a hard link to nothing', [hardlink('h', 'nothing', {})], 'archive-invalid', /hard link to "nothing"/],
  ['a hard link to a folder', [dir('d', {}), hardlink('h', 'd', {})], 'archive-invalid', /hard link to "d"/],
  ['a hard link to a whiteout', [file('.wh.x', ''), hardlink('h', 'x', {})], 'archive-invalid', /hard link to "x"/],
  ['a whiteout without a name', [file('.wh.', '')], 'archive-invalid', /a whiteout must name what it deletes/],
  ['a whiteout of the parent', [file('d/.wh...', '')], 'archive-invalid', /a whiteout must name what it deletes/],
  ['a file without a name', [file('a/..', '')], 'archive-invalid', /it has no name/],
  ['a file in a file', [file('f', ''), file('f/g', '')], 'not-a-directory', /is not a folder/],
  ['a link in a circle as folder', [symlink('l', 'l', {}), file('l/f', '')], 'archive-invalid', /too many symbolic links/],
];

for (const [what, entries, code, message] of refusals) {
  test(`unpack() refuses ${what} and leaves nothing behind`, needs, async () => {
    const request = lab.unpackRequest(await archive(entries));
    const failure = await lab.failure(request);
    assert.ok(failure.kind === 'refused', JSON.stringify(failure));
    assert.equal(failure.code, code);
    assert.match(failure.message, message);
    assert.deepEqual(readdirSync(request.directory), []);
  });
}

test('unpack() refuses a layer with another digest, a damaged one and an encrypted one', needs, async () => {
  const bytes = await archive([file('f', 'x')]);
  const wrong = { ...lab.unpackRequest(bytes), diffId: digestOf('other') };
  assert.equal((await codeOf(wrong)).code, 'digest-mismatch');
  assert.deepEqual(readdirSync(wrong.directory), []);
  const half = gzipSync(bytes).subarray(0, -20);
  assert.equal((await codeOf({ ...lab.unpackRequest(bytes), blob: lab.file(half) })).code, 'archive-invalid');
  assert.equal(
    (await codeOf({ ...lab.unpackRequest(bytes), mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip+encrypted' })).code,
    'unsupported-compression',
  );
});

test('unpack() refuses a layer of holes out of all proportion', needs, async () => {
  for (const bytes of Object.values(holes(15 * 2 ** 40))) {
    assert.equal((await codeOf(lab.unpackRequest(gzipSync(bytes)))).code, 'archive-too-large');
  }
});

async function codeOf(request: Parameters<Lab['failure']>[0]): Promise<{ readonly code: string }> {
  const failure = await lab.failure(request);
  assert.ok(failure.kind === 'refused', JSON.stringify(failure));
  return failure;
}

for (const program of ['gzip', 'zstd', 'xz', 'bzip2'] as const) {
  test(`unpack() reads layers that ${program} compressed, in several pieces too`, {
    ...requires('user:subids', 'user-namespaces', `tool:${program}`),
  }, async () => {
    const bytes = await archive([file('big', 'x'.repeat(100_000)), file('f', 'text')]);
    const folder = lab.folder();
    const [one, other] = [lab.file(bytes.subarray(0, 1000)), lab.file(bytes.subarray(1000))];
    await lab.shell(`(${program} -c < ${one}; ${program} -c < ${other}) > ${folder}/blob`);
    const request = { ...lab.unpackRequest(bytes), blob: `${folder}/blob` };
    assert.equal((await lab.request(request)).diffId, digestOf(bytes));
  });
}

test(
  'unpack() gives everything to the one id that a user without subordinate ids has',
  requires('user:single', 'user-namespaces'),
  async () => {
    await using single = await Lab.open('single');
    const { entries } = await single.unpack([file('etc/shadow', 'x', { uid: 0, gid: 42, mode: 0o640 })]);
    assert.deepEqual(
      entries.map((entry) => describeEntry(entry, ['x'])),
      ['file etc/shadow 640 0:42 @0 x'],
    );
    assert.deepEqual(single.warnings, [
      "1 files of a layer belong to users that do not exist here: RUN sees them as root's, the image keeps them as they are",
    ]);
  },
);

test('unpack() keeps capabilities', needs, async () => {
  const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex');
  const { directory, entries } = await lab.unpack([file('f', 'x', { xattrs: new Map([['security.capability', capability]]) })]);
  assert.deepEqual(
    entries.map((entry) => describeEntry(entry, ['x'])),
    [`file f 644 0:0 @0 x security.capability=${capability.toString('base64')}`],
  );
  const again = await lab.order({
    kind: 'commit',
    directory: await moved(directory),
    base: undefined,
    buildStartNs: '9'.repeat(18),
  });
  assert.deepEqual(JSON.parse(JSON.stringify(again)).entries, 1);
});

/** The same layer folder without its index. */
async function moved(directory: string): Promise<string> {
  const folder = lab.folder();
  await lab.shell(`mv ${directory}/fs ${folder}/fs`);
  return folder;
}

test('unpack() and commitLayer() undo each other', needs, async () => {
  const base = await lab.unpack([dir('d', {}), file('d/gone', ''), file('old', '')]);
  const { directory, facts } = await lab.unpack(
    [
      dir('a', { mode: 0o1777, mtime: 10 }),
      file('a/f', 'hello', { uid: 7, gid: 8, mode: 0o4711, mtime: 11 }),
      hardlink('a/h', 'a/f', { uid: 7, gid: 8, mode: 0o4711, mtime: 11 }),
      symlink('a/l', 'f', { mtime: 12 }),
      file('big', 'y'.repeat(3_000_000), { mtime: 13 }),
      file(`byte\xff${'long'.repeat(60)}`, '', { mtime: 14 }),
      dir('d', { mode: 0o700, mtime: 15 }),
      file('d/.wh.gone', '', { mode: 0 }),
      file('.wh.old', '', { mode: 0 }),
      node('p', { type: 'fifo', mode: 0o644, mtime: 16 }),
    ],
    [base.fs],
  );
  const again = await lab.order({
    kind: 'commit',
    directory: await moved(directory),
    base: base.fs,
    buildStartNs: '9'.repeat(18),
  });
  assert.deepEqual(again, facts);
});
