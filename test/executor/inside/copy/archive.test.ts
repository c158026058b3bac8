import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { formatPaxRecord } from '../../../../registry/oci/tar/pax.ts';
import { type TarInput, writeTar } from '../../../../registry/oci/tar/writer.ts';
import { collect, handMadeBlock, holes, padded } from '../../../registry/oci/tar/archives.ts';
import { requires } from '../../../support/requires.ts';
import { Lab, sha256 } from '../lab.ts';
import { dir, file, hardlink, node, symlink } from '../tar-inputs.ts';
import { type CopyScene, common, copy, copyFailure, group } from './copy-lab.ts';

const needs = requires('user:subids', 'user-namespaces');
let lab: Lab;
before(async () => {
  if (needs.skip === undefined) lab = await Lab.open();
});
after(async () => lab?.[Symbol.asyncDispose]());

const texts = ['hello', 'other', ''];

/** The scene of an ADD of these bytes. */
function added(bytes: Uint8Array, fields: Partial<CopyScene> = {}): CopyScene {
  const folder = lab.folder();
  const path = lab.file(bytes);
  const source = { kind: 'directory', path: path.slice(0, path.lastIndexOf('/')) } as const;
  const entries = [
    { type: 'file', ...common('file', ''), size: bytes.length, digest: sha256(Buffer.from(bytes).toString('latin1')) } as const,
  ];
  assert.ok(folder);
  return { destination: '/', ...fields, groups: [group(lab, { source, entries, name: 'file', isArchive: true })] };
}

function tar(entries: readonly TarInput[]): Promise<Buffer> {
  return collect(writeTar(entries));
}

interface Row {
  readonly what: string;
  readonly entries: readonly TarInput[];
  readonly scene?: Partial<CopyScene>;
  readonly lines: readonly string[];
}

const rows: readonly Row[] = [
  {
    what: 'with the owners, modes and times of the archive; --chmod does not count',
    entries: [
      dir('', { mode: 0o700, mtime: 1 }),
      dir('d', { mode: 0o2750, uid: 5, mtime: 2 }),
      file('d/f', 'hello', { uid: 6, gid: 7, mode: 0o4711, mtime: 3 }),
      hardlink('h', 'd/f', { uid: 6, gid: 7, mode: 0o4711, mtime: 3 }),
      symlink('l', 'd', { mtime: 4 }),
    ],
    scene: { destination: '/to', chmod: '0700' },
    lines: [
      'directory to 755 0:0 T0',
      'directory to/d 2750 5:0 @2',
      'file to/d/f 4711 6:7 @3 hello',
      'hardlink to/h 4711 6:7 @3 -> to/d/f',
      'symlink to/l 777 0:0 @4 -> d',
    ],
  },
  {
    what: 'with --chown, for the destination that is made too',
    entries: [file('f', 'hello', { uid: 6, mtime: 3 })],
    scene: { destination: '/out/', chown: '100:200' },
    lines: ['directory out 755 100:200 T0', 'file out/f 644 100:200 @3 hello'],
  },
  {
    what: 'without entries for folders',
    entries: [file('etc/dnf/f', 'hello', { mtime: 3 })],
    lines: ['directory etc 755 0:0 T0', 'directory etc/dnf 755 0:0 T0', 'file etc/dnf/f 644 0:0 @3 hello'],
  },
  {
    what: 'with absolute names, which start and stop at the destination, and names that climb within it',
    entries: [file('/../f', 'hello', { mtime: 3 }), file('d/../g', '', { mtime: 3 }), hardlink('h', '/../../f', { mtime: 3 })],
    scene: { destination: '/a/b' },
    lines: [
      'directory a 755 0:0 T0',
      'directory a/b 755 0:0 T0',
      'file a/b/f 644 0:0 @3 hello',
      'file a/b/g 644 0:0 @3 ',
      'hardlink a/b/h 644 0:0 @3 -> a/b/f',
    ],
  },
  {
    what: 'through absolute links of the image, hard links across them',
    entries: [file('var/run/f', 'hello', { mtime: 3 }), hardlink('run/h', 'var/run/f', { mtime: 3 })],
    scene: { base: [[dir('run'), dir('var'), symlink('var/run', '/run')]] },
    lines: ['directory run 755 0:0 T0', 'file run/f 644 0:0 @3 hello', 'hardlink run/h 644 0:0 @3 -> run/f'],
  },
  {
    what: 'over what exists: folders join, files and folders replace each other',
    entries: [
      dir('d', { mode: 0o711, mtime: 2 }),
      file('full', 'hello', { mtime: 3 }),
      dir('f', { mtime: 4 }),
      file('l', 'other', { mtime: 5 }),
    ],
    scene: {
      base: [[dir('d', { mode: 0o700 }), file('d/kept', ''), dir('full'), file('full/x', ''), file('f', ''), symlink('l', 'd')]],
    },
    lines: ['directory d 711 0:0 @2', 'directory f 755 0:0 @4', 'file full 644 0:0 @3 hello', 'file l 644 0:0 @5 other'],
  },
  {
    what: 'with capabilities, without what belongs to overlayfs',
    entries: [
      file('f', '', {
        mtime: 3,
        xattrs: new Map([
          ['security.capability', Buffer.from('0100000200200000000000000000000000000000', 'hex')],
          ['user.overlay.redirect', Buffer.from('/etc')],
        ]),
      }),
    ],
    lines: ['file f 644 0:0 @3  security.capability=AQAAAgAgAAAAAAAAAAAAAAAAAAA='],
  },
];

for (const { what, entries, scene, lines } of rows) {
  test(`copyAction() unpacks an archive ${what}`, needs, async () => {
    assert.deepEqual((await copy(lab, added(await tar(entries), scene), texts)).lines, lines);
    assert.deepEqual(lab.warnings, []);
  });
}

for (const program of ['gzip', 'zstd', 'xz', 'bzip2'] as const) {
  test(`copyAction() unpacks archives of ${program}`, requires('user:subids', 'user-namespaces', `tool:${program}`), async () => {
    const plain = lab.file(await tar([file('f', 'hello', { mtime: 3 })]));
    await lab.shell(`${program} -c < ${plain} > ${plain}.packed`);
    const { readFileSync } = await import('node:fs');
    assert.deepEqual((await copy(lab, added(readFileSync(`${plain}.packed`)), texts)).lines, ['file f 644 0:0 @3 hello']);
  });
}

const notArchives: readonly (readonly [what: string, bytes: () => Uint8Array | Promise<Uint8Array>])[] = [
  ['text', () => Buffer.from('hello')],
  ['nothing', () => Buffer.alloc(0)],
  ['compressed text', () => gzipSync('hello')],
  ['an archive without entries', () => tar([])],
  ['zeros', () => Buffer.alloc(5000)],
  ['half a gzip header', () => gzipSync('hello').subarray(0, 5)],
];

for (const [what, bytes] of notArchives) {
  test(`copyAction() copies ${what} as a file`, needs, async () => {
    const { lines, directory } = await copy(lab, added(await bytes(), { destination: '/d/' }));
    assert.equal(lines.length, 2);
    assert.equal(await lab.shell(`cat ${directory}/fs/d/file | wc -c`), `${(await bytes()).length}\n`);
  });
}

const refusals: readonly (readonly [
  what: string,
  bytes: () => Uint8Array | Promise<Uint8Array>,
  scene: Partial<CopyScene>,
  code: string,
])[] = [
  ['a name that climbs', () => tar([file('../f', '')]), { destination: '/opt' }, 'archive-escapes'],
  ['a name that is nothing but a climb', () => tar([dir('d/../..')]), { destination: '/opt' }, 'archive-escapes'],
  [
    'a hard link to a name that climbs',
    () => tar([hardlink('h', 'd/../../f')]),
    { destination: '/opt', base: [[file('f', '')]] },
    'archive-escapes',
  ],
  [
    'an archive that climbs through its own link',
    () => tar([symlink('up', '..'), file('up/f', '')]),
    { destination: '/opt' },
    'archive-escapes',
  ],
  [
    'an archive that makes folders behind its own link',
    () => tar([symlink('up', '/'), file('up/new/f', '')]),
    { destination: '/opt' },
    'archive-escapes',
  ],
  [
    'an archive that links to a file outside',
    () => tar([symlink('up', '/etc'), hardlink('h', 'up/passwd')]),
    { destination: '/opt', base: [[dir('etc'), file('etc/passwd', '')]] },
    'archive-escapes',
  ],
  [
    'a damaged archive',
    async () => (await tar([file('a', ''), file('b', 'x'.repeat(2000))])).subarray(0, 1500),
    {},
    'archive-invalid',
  ],
  ['an owner that is not mapped', () => tar([file('a', '', { uid: 100_000 })]), {}, 'no-mapped-id'],
  ['a hard link to nothing', () => tar([file('a', ''), hardlink('h', 'nothing')]), {}, 'archive-invalid'],
  ['a huge extended header', () => paxBomb(), {}, 'archive-too-large'],
  ...Object.entries(holes(100 * 2 ** 30)).map(
    ([format, bytes]) => [`a hole of gigabytes in the format ${format}`, () => bytes, {}, 'archive-too-large'] as const,
  ),
  ['gigabytes of zeros in megabytes', () => zeroBomb(), {}, 'archive-too-large'],
  ['a name that no file system takes', () => tar([file(`d/${'x'.repeat(256)}`, '')]), {}, 'name-too-long'],
  ['a folder whose name no file system takes', () => tar([file(`${'x'.repeat(256)}/f`, '')]), {}, 'name-too-long'],
  [
    'a link whose target no file system takes',
    () => tar([file('a', ''), symlink('l', 'x/'.repeat(2500))]),
    {},
    'archive-too-large',
  ],
];

/** A good entry, then an extended header of two mebibytes. */
async function paxBomb(): Promise<Buffer> {
  const records = formatPaxRecord('comment', 'x'.repeat(2 << 20));
  const header = handMadeBlock({ 0: 'x', 124: records.length.toString(8).padStart(11, '0'), 156: 'x' });
  return Buffer.concat([(await tar([file('a', '')])).subarray(0, 512), header, padded(records), Buffer.alloc(1024)]);
}

/** A file of 8 GB in 8 MB: members of gzip of a mebibyte of zeros each. */
function zeroBomb(): Buffer {
  const header = gzipSync(handMadeBlock({ 0: 'zeros', 124: '77777777777', 156: '0' }));
  const member = gzipSync(Buffer.alloc(1 << 20), { level: 9 });
  return Buffer.concat([header, ...Array.from({ length: 8192 }, () => member)]);
}

for (const [what, bytes, scene, code] of refusals) {
  test(`copyAction() refuses ${what}`, needs, async () => {
    const failure = await copyFailure(lab, added(await bytes(), scene));
    assert.equal(failure.kind === 'refused' && failure.code, code, JSON.stringify(failure));
  });
}

test('copyAction() leaves device nodes out and says so', needs, async () => {
  const { lines } = await copy(
    lab,
    added(await tar([node('null', { type: 'char', major: 1, minor: 3 }), node('p', { type: 'fifo', mode: 0o600, mtime: 2 })])),
  );
  assert.deepEqual(lines, ['fifo p 600 0:0 @2']);
  assert.deepEqual(lab.warnings, ['1 device node of "file" cannot be made by a user and left out: "/null"']);
});
