import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requires } from '../../../support/requires.ts';
import { describeEntry } from '../describe-entry.ts';
import { Lab, readLayer } from '../lab.ts';
import { dir, file, symlink } from '../tar-inputs.ts';
import { type CopyScene, inMountedTree, stepRequest } from './copy-lab.ts';

// Steps that follow each other, whose tree is mounted for the first of them alone: each layer is the one that is made in a mounted tree.

const needs = requires('user:subids', 'user-namespaces');

type Step = Omit<CopyScene, 'base'> | { readonly workdir: string; readonly user?: string };

const text = (name: string, destination: string, more: Partial<CopyScene> = {}): Step => ({
  context: `printf ${name} > ${name}`,
  sources: [name],
  destination,
  ...more,
});

const folder = (destination: string, script: string, more: Partial<CopyScene> = {}): Step => ({
  context: `mkdir -p s; cd s; ${script}`,
  sources: ['s'],
  destination,
  ...more,
});

const root = [
  dir('etc', { mtime: 7 }),
  file('etc/passwd', 'worker:x:30:31::/:\n'),
  symlink('bin', 'usr/bin'),
  dir('usr'),
  dir('usr/bin'),
];

const chains: readonly (readonly [what: string, base: CopyScene['base'], steps: readonly Step[], lines: readonly string[]])[] = [
  [
    'files into a folder that the first has made',
    [root],
    [text('one', '/files/'), text('two', '/files/'), text('three', '/files/three')],
    ['directory files 755 0:0 T0', 'file files/three 644 0:0 T0 three'],
  ],
  [
    'into folders that keep mode, owner and time',
    [root, [dir('d', { mode: 0o2750, uid: 4, gid: 5, mtime: 9 }), dir('d/e', { mode: 0o701, mtime: 8 })]],
    [text('one', '/d/e/'), text('two', '/d/e/'), text('three', '/d/e/new/')],
    [
      'directory d 2750 4:5 @9',
      'directory d/e 701 0:0 T0',
      'directory d/e/new 755 0:0 T0',
      'file d/e/new/three 644 0:0 T0 three',
    ],
  ],
  [
    'over what an earlier one has copied',
    [root],
    [text('one', '/f'), { ...text('one', '/f'), context: 'printf two > one' }, text('three', '/g')],
    ['file g 644 0:0 T0 three'],
  ],
  ['the same again, which changes nothing', [root], [text('one', '/d/'), text('two', '/d/'), text('one', '/d/')], []],
  [
    'nothing at all, into a folder that an earlier one has made',
    [root],
    [text('one', '/d/'), text('two', '/d/'), folder('/d', 'true')],
    [],
  ],
  [
    'folders beside each other and into each other',
    [root],
    [
      folder('/d', 'mkdir a; printf 1 > a/f'),
      folder('/d', 'mkdir b; printf 2 > b/f; ln -s ../a b/l'),
      folder('/d/a', 'printf 3 > g; mkdir h'),
      folder('/d', 'mkdir -m 700 a; printf 4 > a/i'),
    ],
    ['directory d 755 0:0 T0', 'directory d/a 700 0:0 T0', 'file d/a/i 644 0:0 T0 4'],
  ],
  [
    'through a link of the image, and through one that was copied',
    [root],
    [text('one', '/bin/'), folder('/', 'ln -s usr/bin l'), text('two', '/l/'), text('three', '/bin/')],
    ['directory usr 755 0:0 @0', 'directory usr/bin 755 0:0 T0', 'file usr/bin/three 644 0:0 T0 three'],
  ],
  [
    'to where the image has deleted something',
    [root, [dir('d', { mode: 0o700 }), file('d/f', 'old')], [file('.wh.d', '')]],
    [text('one', '/d/'), text('f', '/d/'), folder('/d', 'mkdir f2')],
    ['directory d 755 0:0 T0', 'directory d/f2 755 0:0 T0'],
  ],
  [
    'for names that the image knows, and names that a copied file has changed',
    [root],
    [
      text('one', '/d/', { chown: 'worker' }),
      { context: 'echo worker:x:40:41::/: > passwd', sources: ['passwd'], destination: '/etc/passwd' },
      text('two', '/d/', { chown: 'worker' }),
      text('three', '/d/', { chown: '7:8', chmod: 'u=rw,go=' }),
      text('four', '/e/', { chown: 'worker', chmod: '640' }),
    ],
    ['directory e 640 40:41 T0', 'file e/four 640 40:41 T0 four'],
  ],
  [
    'for names that only a copied file knows',
    [[dir('srv')]],
    [
      text('one', '/d/'),
      { context: 'echo worker:x:40:41::/: > passwd', sources: ['passwd'], destination: '/etc/' },
      text('two', '/d/', { chown: 'worker' }),
    ],
    ['directory d 755 0:0 T0', 'file d/two 644 40:41 T0 two'],
  ],
  [
    'with WORKDIR between',
    [root],
    [
      { workdir: '/w/x', user: 'worker' },
      text('one', '/w/x/'),
      { workdir: '/w/x' },
      { workdir: '/w/x/y' },
      text('two', '/w/x/y/'),
    ],
    ['directory w 755 30:31 T0', 'directory w/x 755 30:31 T0', 'directory w/x/y 755 0:0 T0', 'file w/x/y/two 644 0:0 T0 two'],
  ],
  [
    'on an image of nothing',
    [],
    [text('one', '/'), text('two', '/a/'), text('three', '/a/b/')],
    ['directory a 755 0:0 T0', 'directory a/b 755 0:0 T0', 'file a/b/three 644 0:0 T0 three'],
  ],
  [
    'on very many layers',
    [root, ...Array.from({ length: 40 }, (_, index) => [dir('many'), file(`many/${index}`, `${index}`)])],
    [text('one', '/many/'), text('two', '/many/'), text('three', '/many/39')],
    ['directory many 755 0:0 T0', 'file many/39 644 0:0 T0 three'],
  ],
];

for (const [what, base, steps, lines] of chains) {
  for (const storage of ['overlay', 'copy'] as const) chainTest(what, storage, { base, steps, lines });
}

interface Chain {
  readonly base: CopyScene['base'];
  readonly steps: readonly Step[];
  readonly lines: readonly string[];
}

function chainTest(what: string, storage: 'overlay' | 'copy', { base, steps, lines }: Chain): void {
  test(`addToLayer() copies ${what}, with storage ${storage}`, needs, async () => {
    await using lab = await Lab.open();
    await lab.request({ kind: 'storage', asked: storage });
    const lowers = [...(await stepRequest(lab, { base: base ?? [], destination: '/' })).lowers];
    let last: readonly string[] = [];
    for (const step of steps) {
      const request = { ...(await requestOf(lab, step)), lowers: [...lowers] };
      const facts = await lab.request(request);
      const mounted = { ...inMountedTree(request), directory: lab.folder() };
      assert.deepEqual(await lab.request(mounted), facts);
      const { entries, fs } = readLayer(request.directory, facts);
      assert.deepEqual(entries, readLayer(mounted.directory, facts).entries);
      assert.equal(await treeOf(lab, fs), await treeOf(lab, `${mounted.directory}/fs`));
      last = entries.map((entry) => describeEntry(entry, ['one', 'two', 'three', 'four', 'f', '4']));
      lowers.push(fs);
    }
    assert.deepEqual(last, lines);
    assert.deepEqual(lab.warnings, []);
  });
}

test('addToLayer() looks at the layer that is there, not at one that had its path before', needs, async () => {
  await using lab = await Lab.open();
  const request = await stepRequest(lab, { base: [root], context: 'printf one > one', sources: ['one'], destination: '/d/' });
  await lab.request(request);
  const fs = `${request.directory}/fs`;
  const next = { ...(await requestOf(lab, text('two', '/d/'))), lowers: [...request.lowers, fs] };
  await lab.request(next);
  await lab.shell(`rm -r ${fs}; mkdir -m 755 ${fs}; mkdir -m 700 ${fs}/d; touch -d @9 ${fs}/d; printf other > ${fs}/d/two`);
  const again = { ...(await requestOf(lab, text('two', '/d/'))), lowers: next.lowers };
  const facts = await lab.request(again);
  assert.deepEqual(
    readLayer(again.directory, facts).entries.map((entry) => describeEntry(entry, ['two'])),
    ['directory d 700 0:0 T0', 'file d/two 644 0:0 T0 two'],
  );
});

async function requestOf(lab: Lab, step: Step): ReturnType<typeof stepRequest> {
  if ('destination' in step) return stepRequest(lab, step);
  const request = await stepRequest(lab, { destination: '/' });
  return { ...request, action: { kind: 'make-directory', path: step.workdir, user: step.user ?? '' } };
}

/** What a later step sees of the folder itself. Times of folders that are only on the way are those of the layers below. */
function treeOf(lab: Lab, path: string): Promise<string> {
  return lab.shell(`cd ${path} && find . -printf '%P %y %m %U:%G %T@ %l\\n' | sort`);
}
