import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { rawPath } from '../../../../registry/oci/raw-path.ts';
import { requires } from '../../../support/requires.ts';
import { Lab, sha256 } from '../lab.ts';
import { dir, file, symlink } from '../tar-inputs.ts';
import { type CopyScene, common, copy, copyFailure, group, inMountedTree } from './copy-lab.ts';

const needs = requires('user:subids', 'user-namespaces');
let lab: Lab;
before(async () => {
  if (needs.skip === undefined) lab = await Lab.open();
});
after(async () => lab?.[Symbol.asyncDispose]());

const texts = ['hello', 'other', ''];

test('copyAction() copies from another root with owners, times and capabilities, through its layers', needs, async () => {
  const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex');
  const one = await lab.unpack([
    dir('d'),
    file('d/gone', ''),
    file('d/f', 'hello', { uid: 5, xattrs: new Map([['security.capability', capability]]) }),
  ]);
  const two = await lab.unpack([file('d/.wh.gone', ''), file('d/g', 'other')], [one.fs]);
  const xattrs = { 'security.capability': capability.toString('base64'), 'user.overlay.opaque': 'eQ==' };
  const entries = [
    { type: 'directory', ...common('d', '', { mode: 0o700, uid: 9, mtime: 7 }) },
    { type: 'file', ...common('d/f', 'f', { uid: 5, gid: 6, mode: 0o4755, mtime: 8, xattrs }), size: 5, digest: sha256('hello') },
    { type: 'file', ...common('d/g', 'g', { mtime: 9 }), size: 5, digest: sha256('other') },
    { type: 'hardlink', ...common('d/g', 'h', { mtime: 9 }), target: rawPath('g') },
  ] as const;
  const groups = [group(lab, { source: { kind: 'rootfs', lowers: [one.fs, two.fs] }, entries })];
  const { lines } = await copy(lab, { groups, destination: '/to', time: 'source' }, texts);
  assert.deepEqual(lines, [
    'directory to 755 0:0 @7',
    'file to/f 4755 5:6 @8 hello security.capability=AQAAAgAgAAAAAAAAAAAAAAAAAAA=',
    'file to/g 644 0:0 @9 other',
    'hardlink to/h 644 0:0 @9 -> to/g',
  ]);
});

test('copyAction() keeps capabilities, and no other attribute, of what can be packed', needs, async () => {
  const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex');
  const { fs } = await lab.unpack([dir('d'), file('d/f', 'hello', { xattrs: new Map([['security.capability', capability]]) })]);
  const xattrs = { 'security.capability': capability.toString('base64'), 'user.kept': 'eQ==' };
  const entries = [
    { type: 'directory', ...common('d', '', { mtime: 7 }) },
    { type: 'file', ...common('d/f', 'f', { mtime: 8, xattrs }), size: 5, digest: sha256('hello') },
  ] as const;
  const groups = [group(lab, { source: { kind: 'rootfs', lowers: [fs] }, entries })];
  const { lines } = await copy(lab, { groups, destination: '/to', time: 'source' }, texts);
  assert.deepEqual(lines, [
    'directory to 755 0:0 @7',
    'file to/f 644 0:0 @8 hello security.capability=AQAAAgAgAAAAAAAAAAAAAAAAAAA=',
  ]);
});

test('copyAction() writes bytes that are given in the list', needs, async () => {
  const inline = Buffer.from('hello').toString('base64');
  const groups = [
    group(lab, {
      source: { kind: 'directory', path: lab.folder() },
      entries: [{ type: 'file', ...common('heredoc', ''), size: 5, digest: sha256('hello'), inline }],
      name: 'heredoc',
    }),
  ];
  assert.deepEqual((await copy(lab, { groups, destination: '/etc/' }, texts)).lines, [
    'directory etc 755 0:0 T0',
    'file etc/heredoc 644 0:0 T0 hello',
  ]);
});

test('copyAction() keeps parents below the destination', needs, async () => {
  const folder = lab.folder();
  await lab.shell(`cd ${folder}; mkdir -p a/b; printf hello > a/b/f`);
  const groups = [
    group(lab, {
      source: { kind: 'directory', path: folder },
      entries: [
        { type: 'directory', ...common('a', 'a', { mode: 0o711 }) },
        { type: 'directory', ...common('a/b', 'a/b', { mode: 0o700 }) },
        { type: 'file', ...common('a/b/f', 'a/b/f'), size: 5, digest: sha256('hello') },
      ],
      sourceType: 'file',
      keepsParents: true,
    }),
  ];
  assert.deepEqual((await copy(lab, { groups, destination: '/to' }, texts)).lines, [
    'directory to 755 0:0 T0',
    'directory to/a 711 0:0 T0',
    'directory to/a/b 700 0:0 T0',
    'file to/a/b/f 644 0:0 T0 hello',
  ]);
});

test('copyAction() does not leave the context through a link', needs, async () => {
  const folder = lab.folder();
  await lab.shell(`cd ${folder}; ln -s /etc out; ln -s out/passwd f`);
  for (const from of ['out/passwd', 'f', '../x']) {
    const entries = [{ type: 'file', ...common(from, ''), size: 5, digest: '' } as const];
    const failure = await copyFailure(lab, {
      groups: [group(lab, { source: { kind: 'directory', path: folder }, entries })],
      destination: '/',
    });
    assert.ok(
      failure.kind === 'refused' ? failure.code === 'source-changed' : failure.kind === 'syscall' && failure.errno === 'EXDEV',
      JSON.stringify(failure),
    );
  }
});

test('copyAction() refuses device nodes', needs, async () => {
  const entries = [{ type: 'char', ...common('null', ''), major: 1, minor: 3 } as const];
  const failure = await copyFailure(lab, {
    groups: [group(lab, { source: { kind: 'rootfs', lowers: [] }, entries })],
    destination: '/dev/',
  });
  assert.equal(failure.kind === 'refused' && failure.code, 'not-supported');
});

test('copyAction() keeps the holes of large files', needs, async () => {
  const { directory, lines } = await copy(lab, {
    context: 'truncate -s 50M f; printf x | dd of=f seek=10000000 bs=1 conv=notrunc status=none',
    sources: ['f'],
    destination: '/',
  });
  assert.equal(lines.length, 1);
  assert.ok(Number(await lab.shell(`stat -c %b ${directory}/fs/f`)) < 1000);
  assert.equal(await lab.shell(`tail -c +10000001 ${directory}/fs/f | head -c 2 | tr '\\0' 0`), 'x0');
});

const workdirs: readonly (readonly [what: string, user: string, path: string, lines: readonly string[]])[] = [
  [
    'makes what is missing for the user',
    'worker',
    '/a/new/er',
    ['directory a 700 4:0 T0', 'directory a/new 755 30:31 T0', 'directory a/new/er 755 30:31 T0'],
  ],
  ['leaves what exists', 'worker', '/a', []],
  ['follows links', '', '/l/x', ['directory a 700 4:0 T0', 'directory a/x 755 0:0 T0']],
  ['makes nothing of the root', '', '/', []],
];

for (const [what, user, path, lines] of workdirs) {
  test(`makeDirectoryAction() ${what}`, needs, async () => {
    const base = await lab.unpack([
      dir('a', { mode: 0o700, uid: 4 }),
      symlink('l', 'a'),
      dir('etc'),
      file('etc/passwd', 'worker:x:30:31::/:\n'),
    ]);
    const directory = lab.folder();
    const request = {
      kind: 'step',
      action: { kind: 'make-directory', path, user },
      directory,
      lowers: [base.fs],
      buildStartNs: '1000000000000000000',
    } as const;
    const { readLayer } = await import('../lab.ts');
    const { describeEntry } = await import('../describe-entry.ts');
    const facts = await lab.request(request);
    const layer = readLayer(directory, facts);
    assert.deepEqual(
      layer.entries.map((entry) => describeEntry(entry)),
      lines,
    );
    assert.deepEqual(await lab.request({ ...inMountedTree(request), directory: lab.folder() }), facts);
  });
}

test('copyAction() gives the same layer again, whatever the time', needs, async () => {
  const scene: CopyScene = { context: 'mkdir -p s/d; printf hello > s/d/f; touch s/g', sources: ['s'], destination: '/x' };
  const one = await copy(lab, scene);
  assert.deepEqual((await copy(lab, scene)).facts, one.facts);
});
