import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { requires } from '../../../support/requires.ts';
import { Lab } from '../lab.ts';
import { dir, file, symlink } from '../tar-inputs.ts';
import { type CopyScene, copy, copyFailure } from './copy-lab.ts';

const needs = requires('user:subids', 'user-namespaces');
let lab: Lab;
before(async () => {
  if (needs.skip === undefined) lab = await Lab.open();
});
after(async () => lab?.[Symbol.asyncDispose]());

const texts = ['hello', 'other', 'x', ''];
const passwd = [
  dir('etc'),
  file('etc/passwd', 'root:x:0:0::/:\nworker:x:30:31::/:\n'),
  file('etc/group', 'root:x:0:\nstaff:x:50:\nwork:x:31:\n'),
];
const tree =
  'mkdir -p src/sub; chmod 700 src; chmod 711 src/sub; printf hello > src/f; chmod 640 src/f; printf other > src/sub/g; ln -s f src/l';

const rows: readonly (readonly [what: string, scene: CopyScene, lines: readonly string[]])[] = [
  ['a file to the root', { context: 'printf hello > f', sources: ['f'], destination: '/' }, ['file f 644 0:0 T0 hello']],
  [
    'a file to a new name',
    { context: 'printf hello > f; chmod 4755 f', sources: ['f'], destination: '/new' },
    ['file new 4755 0:0 T0 hello'],
  ],
  [
    'a file into a folder that the slash asks for',
    { context: 'printf hello > f', sources: ['f'], destination: '/a/b/' },
    ['directory a 755 0:0 T0', 'directory a/b 755 0:0 T0', 'file a/b/f 644 0:0 T0 hello'],
  ],
  [
    'a file into a folder that exists, which keeps mode and owner',
    { base: [[dir('d', { mode: 0o700, uid: 4, mtime: 9 })]], context: 'printf hello > f', sources: ['f'], destination: '/d' },
    ['directory d 700 4:0 T0', 'file d/f 644 0:0 T0 hello'],
  ],
  [
    "a folder to a new name, which is root's and 755 whatever the source is; what is in it keeps its modes",
    { context: tree, sources: ['src'], destination: '/new/place' },
    [
      'directory new 755 0:0 T0',
      'directory new/place 755 0:0 T0',
      'file new/place/f 640 0:0 T0 hello',
      'symlink new/place/l 777 0:0 T0 -> f',
      'directory new/place/sub 711 0:0 T0',
      'file new/place/sub/g 644 0:0 T0 other',
    ],
  ],
  [
    "a folder into one that exists: the top keeps mode and owner, the ones below take the source's",
    {
      base: [
        [
          dir('d', { mode: 0o700, uid: 4 }),
          dir('d/sub', { mode: 0o777, uid: 5 }),
          file('d/sub/kept', ''),
          file('d/f', 'old', { uid: 6 }),
        ],
      ],
      context: tree,
      sources: ['src'],
      destination: '/d',
    },
    [
      'directory d 700 4:0 T0',
      'file d/f 640 0:0 T0 hello',
      'symlink d/l 777 0:0 T0 -> f',
      'directory d/sub 711 0:0 T0',
      'file d/sub/g 644 0:0 T0 other',
    ],
  ],
  [
    'with --chown: what is made belongs to it, what exists does not',
    { base: [passwd, [dir('d', { uid: 4 })]], context: tree, sources: ['src'], destination: '/d/new', chown: 'worker:staff' },
    [
      'directory d 755 4:0 T0',
      'directory d/new 755 30:50 T0',
      'file d/new/f 640 30:50 T0 hello',
      'symlink d/new/l 777 30:50 T0 -> f',
      'directory d/new/sub 711 30:50 T0',
      'file d/new/sub/g 644 30:50 T0 other',
    ],
  ],
  [
    'with --chown of a name: its primary group',
    { base: [passwd], context: 'touch f', sources: ['f'], destination: '/', chown: 'worker' },
    ['file f 644 30:31 T0 '],
  ],
  [
    'with --chown of a number: the same group',
    { base: [passwd], context: 'touch f', sources: ['f'], destination: '/', chown: '4321' },
    ['file f 644 4321:4321 T0 '],
  ],
  [
    'with --chown of a number and a name',
    { base: [passwd], context: 'touch f', sources: ['f'], destination: '/', chown: '7:work' },
    ['file f 644 7:31 T0 '],
  ],
  [
    'with --chown=root where nobody is known',
    { context: 'touch f', sources: ['f'], destination: '/', chown: 'root:root' },
    ['file f 644 0:0 T0 '],
  ],
  [
    'with an octal --chmod, which counts for new parents too, but not for links',
    { context: tree, sources: ['src'], destination: '/a/b', chmod: '0751' },
    [
      'directory a 751 0:0 T0',
      'directory a/b 751 0:0 T0',
      'file a/b/f 751 0:0 T0 hello',
      'symlink a/b/l 777 0:0 T0 -> f',
      'directory a/b/sub 751 0:0 T0',
      'file a/b/sub/g 751 0:0 T0 other',
    ],
  ],
  [
    'with a symbolic --chmod, which does not touch new parents',
    { context: tree, sources: ['src'], destination: '/a/b', chmod: 'go=rX,u+w' },
    [
      'directory a 755 0:0 T0',
      'directory a/b 755 0:0 T0',
      'file a/b/f 644 0:0 T0 hello',
      'symlink a/b/l 777 0:0 T0 -> f',
      'directory a/b/sub 755 0:0 T0',
      'file a/b/sub/g 644 0:0 T0 other',
    ],
  ],
  [
    'two files to one name without a slash: the last is left',
    { context: 'printf hello > f; printf other > g', sources: ['f', 'g'], destination: '/x' },
    ['file x 644 0:0 T0 other'],
  ],
  [
    'through links in the parents, absolute and dangling ones too',
    {
      base: [[symlink('abs', '/real'), dir('real'), symlink('dang', 'made/here')]],
      context: 'printf hello > f',
      sources: ['f'],
      destination: '/abs/../abs/x/',
    },
    ['directory real 755 0:0 T0', 'directory real/x 755 0:0 T0', 'file real/x/f 644 0:0 T0 hello'],
  ],
  [
    'a file to a dangling link with a slash: its target is made',
    { base: [[symlink('link', '../made/here')]], context: 'printf hello > f', sources: ['f'], destination: '/link/' },
    ['directory made 755 0:0 T0', 'directory made/here 755 0:0 T0', 'file made/here/f 644 0:0 T0 hello'],
  ],
  [
    'a file over a link, which is replaced and not followed',
    {
      base: [[symlink('l', 'target'), file('target', 'kept'), symlink('dangling', 'none')]],
      context: 'printf hello > l; printf other > dangling',
      sources: ['l', 'dangling'],
      destination: '/',
    },
    ['file dangling 644 0:0 T0 other', 'file l 644 0:0 T0 hello'],
  ],
  [
    'a file to a link to a folder: into the folder',
    { base: [[symlink('l', 'd'), dir('d')]], context: 'printf hello > f', sources: ['f'], destination: '/l' },
    ['directory d 755 0:0 T0', 'file d/f 644 0:0 T0 hello'],
  ],
  [
    'a folder to a link to a folder: into the folder',
    { base: [[symlink('l', '/d'), dir('d', { mode: 0o700 })]], context: tree, sources: ['src/sub'], destination: '/l' },
    ['directory d 700 0:0 T0', 'file d/g 644 0:0 T0 other'],
  ],
  [
    'a file to a link to a file: what it leads to',
    {
      base: [[symlink('l', 'd/f'), dir('d'), file('d/f', 'old')]],
      context: 'printf hello > f',
      sources: ['f'],
      destination: '/l',
    },
    ['directory d 755 0:0 T0', 'file d/f 644 0:0 T0 hello'],
  ],
  [
    'a folder to a link with a slash: into the folder behind it',
    { base: [[symlink('l', '/d'), dir('d', { mode: 0o700 })]], context: tree, sources: ['src/sub'], destination: '/l/' },
    ['directory d 700 0:0 T0', 'file d/g 644 0:0 T0 other'],
  ],
  [
    'with --link: folders on the way are new, links are replaced',
    {
      base: [[dir('tmp', { mode: 0o1777 }), symlink('tmp/l', '/etc')]],
      context: 'printf hello > f',
      sources: ['f'],
      destination: '/tmp/l/',
      isLink: true,
      chown: '3:4',
    },
    ['directory tmp 755 3:4 T0', 'directory tmp/l 755 3:4 T0', 'file tmp/l/f 644 3:4 T0 hello'],
  ],
  [
    'hard links in the context, pipes and empty folders',
    { context: 'mkdir -p s/empty; printf hello > s/a; ln s/a s/b; mkfifo s/p', sources: ['s'], destination: '/' },
    ['file a 644 0:0 T0 hello', 'hardlink b 644 0:0 T0 -> a', 'directory empty 755 0:0 T0', 'fifo p 644 0:0 T0'],
  ],
  [
    'nothing when what is copied is there already',
    {
      base: [[dir('d', { mtime: 5 }), file('d/f', 'hello', { mtime: 315_619_200 })]],
      context: 'mkdir s; printf hello > s/f',
      sources: ['s'],
      destination: '/d',
    },
    [],
  ],
  [
    'the file when only its bytes differ, not its size and time',
    { base: [[file('f', 'other', { mtime: 315_619_200 })]], context: 'printf hello > f', sources: ['f'], destination: '/' },
    ['file f 644 0:0 T0 hello'],
  ],
  [
    'with times of the source, when asked for',
    {
      context: 'mkdir s; printf hello > s/f; touch -d @1000 s/f; mkdir s/d; touch -d @2000 s/d; touch -d @3000 s',
      sources: ['s'],
      destination: '/t',
      time: 'source',
    },
    ['directory t 755 0:0 @3000', 'directory t/d 755 0:0 @2000', 'file t/f 644 0:0 @1000 hello'],
  ],
  [
    'names that are not ASCII, or not text at all',
    { context: `mkdir s; touch s/ä%20+`, sources: ['s'], destination: '/ö' },
    ['directory \xc3\xb6 755 0:0 T0', 'file \xc3\xb6/\xc3\xa4%20+ 644 0:0 T0 '],
  ],
];

for (const [what, scene, lines] of rows) {
  test(`copyAction() copies ${what}`, needs, async () => {
    assert.deepEqual((await copy(lab, scene, texts)).lines, lines);
    assert.deepEqual(lab.warnings, []);
  });
}

const refusals: readonly (readonly [what: string, scene: CopyScene, code: string, message: RegExp])[] = [
  [
    'a folder onto a file',
    { base: [[file('f', '')]], context: tree, sources: ['src'], destination: '/f' },
    'not-a-directory',
    /^Cannot copy a folder to "\/f": the destination is a file$/,
  ],
  [
    'a folder in the tree onto a link',
    { base: [[symlink('sub', 'usr/sub')]], context: tree, sources: ['src'], destination: '/' },
    'not-a-directory',
    /^Cannot copy a folder to "\/sub": it is a symbolic link to "usr\/sub" in the image$/,
  ],
  [
    'a folder in the tree onto a file',
    { base: [[file('sub', '')]], context: tree, sources: ['src'], destination: '/' },
    'not-a-directory',
    /a file of that name exists/,
  ],
  [
    'a file in the tree onto a folder',
    { base: [[dir('f')]], context: tree, sources: ['src'], destination: '/' },
    'is-a-directory',
    /^Cannot copy a file to "\/f": a folder of that name exists$/,
  ],
  [
    'a file through a file',
    { base: [[file('f', '')]], context: 'touch x', sources: ['x'], destination: '/f/x' },
    'not-a-directory',
    /"\/f" is not a folder/,
  ],
  [
    'an unknown user',
    { base: [passwd], context: 'touch x', sources: ['x'], destination: '/', chown: 'nobody' },
    'unknown-user',
    /"nobody"/,
  ],
  [
    'an unknown group',
    { base: [passwd], context: 'touch x', sources: ['x'], destination: '/', chown: 'worker:nobody' },
    'unknown-group',
    /"nobody"/,
  ],
  [
    'a name with --link',
    { base: [passwd], context: 'touch x', sources: ['x'], destination: '/', chown: 'worker', isLink: true },
    'unknown-user',
    /--link does not read/,
  ],
  [
    'an owner that is not mapped',
    { context: 'touch x', sources: ['x'], destination: '/', chown: '100000' },
    'no-mapped-id',
    /user 100000/,
  ],
  ['an invalid mode', { context: 'touch x', sources: ['x'], destination: '/', chmod: '64a' }, 'invalid-mode', /"64a"/],
];

for (const [what, scene, code, message] of refusals) {
  test(`copyAction() refuses ${what}, and leaves nothing`, needs, async () => {
    const failure = await copyFailure(lab, scene);
    assert.ok(failure.kind === 'refused', JSON.stringify(failure));
    assert.equal(failure.code, code);
    assert.match(failure.message, message);
  });
}

const changes: readonly (readonly [what: string, script: string])[] = [
  ['was written to', 'sleep 0.01; printf other > f'],
  ['was replaced', 'printf hello > g; touch -r f g; mv g f'],
  ['became a link', 'mv f g; ln -s g f'],
  ['is gone', 'rm f'],
  ['became a pipe', 'rm f; mkfifo f'],
];

for (const [what, script] of changes) {
  test(`copyAction() refuses a file that ${what} since it was hashed`, needs, async () => {
    const { stepRequest } = await import('./copy-lab.ts');
    const request = await stepRequest(lab, { context: 'printf hello > f', sources: ['f'], destination: '/' });
    const source = request.action.kind === 'copy' ? request.action.groups[0]?.source : undefined;
    await lab.shell(`cd ${source?.kind === 'directory' ? source.path : ''}; ${script}`);
    const failure = await lab.failure(request);
    assert.equal(failure.kind === 'refused' && failure.code, 'source-changed', JSON.stringify(failure));
    assert.deepEqual(readdirSync(request.directory), []);
  });
}
