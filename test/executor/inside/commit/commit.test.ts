import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { requires } from '../../../support/requires.ts';
import { describeEntry } from '../describe-entry.ts';
import { Lab, type LabLayer, readLayer } from '../lab.ts';

const needs = requires('user:subids', 'user-namespaces');
let lab: Lab;
before(async () => {
  if (needs.skip === undefined) lab = await Lab.open();
});
after(async () => lab?.[Symbol.asyncDispose]());

/** Files from before are old. */
const buildStartNs = '1577836800500000000';
const old = 'find . -mindepth 1 -exec touch -h -d @1500000000.75 {} +';
const texts = ['hello', 'other', 'z', ''];

interface Scene {
  /** Makes the layer folder, in it. */
  readonly upper: string;
  /** Makes the tree below, in it; none when left out. */
  readonly base?: string;
  /** Folders of the layer that hide what is below. */
  readonly opaque?: readonly string[];
  /** Path, name and value, one character for each byte. */
  readonly xattrs?: readonly (readonly [path: string, name: string, value: string])[];
}

async function prepare({
  upper,
  base,
  opaque = [],
  xattrs = [],
}: Scene): Promise<{ directory: string; base: string | undefined }> {
  const directory = lab.folder();
  const [fs, below] = [path.join(directory, 'fs'), path.join(directory, 'base')];
  await lab.shell(`mkdir ${fs}; cd ${fs}; ${upper}`);
  for (const [name, xattr, value] of [...opaque.map((folder) => [folder, 'user.overlay.opaque', 'y'] as const), ...xattrs]) {
    await lab.order({ kind: 'xattr', path: path.relative(lab.store, path.join(fs, name)), name: xattr, value });
  }
  if (base === undefined) {
    return { directory, base };
  }
  await lab.shell(`mkdir ${below}; cd ${below}; ${base}; ${old}`);
  return { directory, base: below };
}

async function commit(scene: Scene): Promise<LabLayer> {
  const { directory, base } = await prepare(scene);
  const facts = await lab.order({ kind: 'commit', directory, base, buildStartNs });
  return readLayer(directory, JSON.parse(JSON.stringify(facts)));
}

/** What a layer holds, and what is left in its folder when that is not the same. */
interface Row {
  readonly what: string;
  readonly scene: Scene;
  readonly entries: readonly string[];
  readonly folder?: readonly string[];
  readonly warnings?: readonly string[];
}

const rows: readonly Row[] = [
  { what: 'nothing', scene: { upper: 'true' }, entries: [] },
  {
    what: 'every type, sorted by bytes, times of the build as T0 and old ones in whole seconds',
    scene: {
      upper: `mkdir a; printf hello > a/f; ln -s ../x a/l; mkfifo p; ${old}
        mkdir -m 1777 a-b; printf z > Z; chown 5:6 Z; chmod 6755 Z; chown -h 7 a/l; touch -h -d @1500000000.75 a/l; touch -d @9999999999 p`,
    },
    entries: [
      'file Z 6755 5:6 T0 z',
      'directory a 755 0:0 @1500000000',
      'file a/f 644 0:0 @1500000000 hello',
      'symlink a/l 777 7:0 @1500000000 -> ../x',
      'directory a-b 1777 0:0 T0',
      'fifo p 644 0:0 T0',
    ],
  },
  {
    what: 'what was given the whole second in which the build began as of the build',
    scene: { upper: 'touch -d @1577836800 a; touch -d @1577836799.9 b' },
    entries: ['file a 644 0:0 T0 ', 'file b 644 0:0 @1577836799 '],
  },
  {
    what: 'hard links: the first name in order is the file',
    scene: { upper: `mkdir b; printf hello > b/x; ln b/x a; ln b/x c; ln -s t l; ln l m` },
    entries: [
      'file a 644 0:0 T0 hello',
      'directory b 755 0:0 T0',
      'hardlink b/x 644 0:0 T0 -> a',
      'hardlink c 644 0:0 T0 -> a',
      'symlink l 777 0:0 T0 -> t',
      'hardlink m 777 0:0 T0 -> l',
    ],
  },
  {
    what: 'whiteouts, but not of what was never there',
    scene: { base: 'mkdir d; touch d/x f', upper: 'mknod f c 0 0; mknod gone c 0 0; mknod d c 0 0' },
    entries: ['whiteout d', 'whiteout f'],
    folder: ['d', 'f'],
  },
  {
    what: 'an opaque folder as whiteouts of all that it hides, folders in it included',
    scene: {
      base: 'mkdir -p d/sub/deep d/gone; touch d/a d/kept d/sub/x d/gone/y d/type; chmod 700 d/sub',
      upper: `mkdir -p d/sub d/type; printf hello > d/kept; touch d/sub/new`,
      opaque: ['d'],
    },
    entries: [
      'directory d 755 0:0 T0',
      'whiteout d/a',
      'whiteout d/gone',
      'file d/kept 644 0:0 T0 hello',
      'directory d/sub 755 0:0 T0',
      'whiteout d/sub/deep',
      'file d/sub/new 644 0:0 T0 ',
      'whiteout d/sub/x',
      'directory d/type 755 0:0 T0',
    ],
  },
  {
    what: 'nothing of an opaque folder with folders in it that are as below',
    scene: { base: 'mkdir -p d/sub/deep', upper: 'mkdir -p d/sub/deep', opaque: ['d'] },
    entries: [],
    folder: [],
  },
  {
    what: 'an opaque folder that hides nothing as an ordinary one',
    scene: { base: 'touch f', upper: 'mkdir -p n/m f', opaque: ['n', 'f'] },
    entries: ['directory f 755 0:0 T0', 'directory n 755 0:0 T0', 'directory n/m 755 0:0 T0'],
  },
  {
    what: 'no folder that only got another time, unless something in it changed',
    scene: { base: 'mkdir -p a/b/c d e', upper: 'mkdir -p a/b/c d e; touch a/b/new; chmod 700 e' },
    entries: ['directory a 755 0:0 T0', 'directory a/b 755 0:0 T0', 'file a/b/new 644 0:0 T0 ', 'directory e 700 0:0 T0'],
    folder: ['a', 'a/b', 'a/b/new', 'e'],
  },
  {
    what: 'no file that is what it was, but one of the same size and time with other bytes',
    scene: {
      base: 'printf hello > same; printf hello > bytes; printf hello > mode; ln -s t l; printf hello > own; mkfifo p',
      upper: `printf hello > same; printf other > bytes; printf hello > mode; chmod 600 mode; ln -s t l; printf hello > own; chown 9 own; mkfifo p; ${old}`,
    },
    entries: [
      'file bytes 644 0:0 @1500000000 other',
      'file mode 600 0:0 @1500000000 hello',
      'file own 644 9:0 @1500000000 hello',
    ],
    folder: ['bytes', 'mode', 'own'],
  },
  {
    what: 'capabilities, and no other attribute',
    scene: {
      upper: 'touch f; mkdir d',
      xattrs: [
        ['f', 'user.x', '1'],
        ['f', 'user.overlay.origin', '1'],
        ['f', 'security.capability', '\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0'],
        ['d', 'user.y', '1'],
      ],
    },
    entries: ['directory d 755 0:0 T0', 'file f 644 0:0 T0  security.capability=AQAAAgAgAAAAAAAAAAAAAAAAAAA='],
  },
  {
    what: 'no sockets, and says so',
    scene: {
      base: 'touch b',
      upper: `for name in b s; do node -e "net.createServer().listen('$name', () => process.kill(process.pid, 'SIGKILL'))" || true; done`,
    },
    entries: ['whiteout b'],
    folder: ['b'],
    warnings: ['The socket "/b" is left out of the image', 'The socket "/s" is left out of the image'],
  },
];

for (const { what, scene, entries, folder, warnings } of rows) {
  test(`commitLayer() makes a layer of ${what}`, needs, async () => {
    const layer = await commit(scene);
    assert.deepEqual(
      layer.entries.map((entry) => describeEntry(entry, texts)),
      entries,
    );
    assert.equal(layer.facts.entries, entries.length);
    assert.deepEqual(lab.warnings, warnings ?? []);
    if (folder !== undefined) {
      assert.equal(await lab.shell(`cd ${layer.fs}; find . -mindepth 1 | sort`), folder.map((name) => `./${name}\n`).join(''));
    }
  });
}

test('commitLayer() writes the empty tar as others do', needs, async () => {
  const { facts } = await commit({ upper: 'true' });
  assert.deepEqual(facts, {
    diffId: 'sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef',
    sizeBytes: 1024,
    entries: 0,
  });
});

test('commitLayer() sets the times in the folder too, and gives the root its attributes back', needs, async () => {
  const { fs } = await commit({
    base: 'chmod 751 .; chown 3:4 .',
    upper: `mkdir d; touch d/f; mknod d/gone c 0 0; ln -s x l; touch -d @1500000000.75 old; chmod 700 .`,
  });
  assert.equal(
    await lab.shell(`cd ${fs}; stat -c '%n %a %u:%g %.9Y' . d d/f l old`),
    `. 751 3:4 315619200.000000000
d 755 0:0 315619200.000000000
d/f 644 0:0 315619200.000000000
l 777 0:0 315619200.000000000
old 644 0:0 1500000000.000000000
`,
  );
});

test('commitLayer() keeps times before 1970, in the folder too', needs, async () => {
  const { fs, entries } = await commit({ upper: 'touch -d @-100.5 f; mkdir d; ln -s x l; touch -h -d @-7.5 d l' });
  assert.equal(await lab.shell(`cd ${fs}; stat -c '%n %.1Y' d f l`), 'd -8.0\nf -101.0\nl -8.0\n');
  assert.deepEqual(
    entries.map((entry) => 'mtime' in entry && entry.mtime),
    [-8, -101, -8],
  );
});

test('commitLayer() does not depend on the order in which files were made', needs, async () => {
  const one = await commit({ upper: 'mkdir a b; for n in 1 2 3 4 5; do printf $n > a/$n; printf $n > b/$n; done; ln a/1 z' });
  const other = await commit({
    upper:
      'mkdir b; for n in 5 3 1 2 4; do printf $n > b/$n; done; printf 1 > z; mkdir a; ln z a/1; for n in 4 2 3 5; do printf $n > a/$n; done',
  });
  assert.deepEqual(other.facts, one.facts);
  assert.deepEqual(other.entries, one.entries);
});

/** The header of a compiled module: its magic number, flags since Python 3.7, and times little-endian. */
const moduleHeaders: readonly [what: string, header: string, committed?: string][] = [
  ['Python 3.11', 'a70d0d0a 00000000 ffffff5e 07000000', 'a70d0d0a 00000000 80f7cf12 07000000'],
  ['Python 3.11, of a source from before the build', 'a70d0d0a 00000000 002f685a 07000000'],
  ['Python 3.11, checked by hash', 'a70d0d0a 03000000 ffffff5e ffffff5e'],
  ['Python 3.6', '330d0d0a ffffff5e 07000000', '330d0d0a 80f7cf12 07000000'],
  ['Python 2.7', '03f30d0a ffffff5e 63000000', '03f30d0a 80f7cf12 63000000'],
  ['a file that is none', 'a70d0000 00000000 ffffff5e 07000000'],
  ['a file that ends early', 'a70d0d0a 00000000 ffff'],
];

for (const [what, header, committed = header] of moduleHeaders) {
  test(`commitLayer() keeps a compiled module and its source together: ${what}`, needs, async () => {
    const bytes = [...Buffer.from(header.replaceAll(' ', ''), 'hex')]
      .map((byte) => `\\${byte.toString(8).padStart(3, '0')}`)
      .join('');
    const other = 'cp m.pyc other; cp m.pyc old.pyc; touch -d @1500000000 old.pyc; chmod 400 m.pyc';
    const { fs } = await commit({ upper: `printf '${bytes}' > m.pyc; ${other}` });
    const read = async (name: string): Promise<string> => (await lab.shell(`od -An -v -tx1 ${fs}/${name}`)).replaceAll(/\s/g, '');
    const plain = (text: string): string => text.replaceAll(' ', '');
    assert.deepEqual(
      [await read('m.pyc'), await read('other'), await read('old.pyc')],
      [plain(committed), plain(header), plain(header)],
    );
    assert.equal(await lab.shell(`stat -c %Y ${fs}/m.pyc`), '315619200\n');
  });
}

test('commitLayer() refuses names that mean deletions', needs, async () => {
  const { directory, base } = await prepare({ upper: 'mkdir d; touch d/.wh.x' });
  await assert.rejects(
    lab.order({ kind: 'commit', directory, base, buildStartNs }),
    /names that begin with \\".wh.\\" stand for deleted files/,
  );
});
