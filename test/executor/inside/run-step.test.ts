import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { RunAction } from '../../../executor/protocol/actions.ts';
import { requires } from '../../support/requires.ts';
import { describeEntry } from './describe-entry.ts';
import { Lab, type LabLayer, readLayer } from './lab.ts';
import { plainRun } from './plain-run.ts';
import { dir, file, hardlink, symlink } from './tar-inputs.ts';

const needs = requires('user:subids', 'user-namespaces', 'tool:busybox');
const texts = ['hello', 'other', ''];
let lab: Lab;
let base: LabLayer;
before(async () => {
  if (needs.skip === undefined) {
    lab = await Lab.open();
    const busybox = readFileSync(execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim()).toString(
      'latin1',
    );
    base = await lab.unpack([
      dir('bin'),
      file('bin/sh', busybox, { mode: 0o755 }),
      dir('d', { mtime: 5 }),
      file('d/a', 'hello', { mtime: 5 }),
      dir('d/sub', { mtime: 5 }),
      file('d/sub/b', 'other', { mtime: 5 }),
      file('d/twin', '', { mtime: 5 }),
      hardlink('d/other', 'd/twin', { mtime: 5 }),
      symlink('l', 'd/a', { mtime: 5 }),
      dir('tmp', { mode: 0o1777, mtime: 5 }),
    ]);
  }
});
after(async () => lab?.[Symbol.asyncDispose]());

const rows: readonly (readonly [what: string, script: string, lines: readonly string[]])[] = [
  ['nothing', 'true', []],
  ['a file that came and went', 'echo x > /tmp/x; rm /tmp/x', []],
  ['the owner that files had already, and a file that was opened for writing', 'chown -R 0:0 /d; : >> /d/a', []],
  ['a new file', 'printf hello > /d/new', ['directory d 755 0:0 T0', 'file d/new 644 0:0 T0 hello']],
  ['a deleted file', 'rm /d/a', ['directory d 755 0:0 T0', 'whiteout d/a']],
  ['a deleted folder, said once', 'rm -r /d', ['whiteout d']],
  [
    'a folder that took the place of another',
    'rm -r /d; mkdir /d; printf hello > /d/new; mkdir /d/sub; touch /d/sub/c',
    [
      'directory d 755 0:0 T0',
      'whiteout d/a',
      'file d/new 644 0:0 T0 hello',
      'whiteout d/other',
      'directory d/sub 755 0:0 T0',
      'whiteout d/sub/b',
      'file d/sub/c 644 0:0 T0 ',
      'whiteout d/twin',
    ],
  ],
  ['a file in the place of a folder', 'rm -r /d/sub; touch /d/sub', ['directory d 755 0:0 T0', 'file d/sub 644 0:0 T0 ']],
  ['a folder in the place of a link', 'rm /l; mkdir /l', ['directory l 755 0:0 T0']],
  [
    'a folder that was renamed',
    'cp -a /d/sub /new; rm -r /d/sub',
    ['directory d 755 0:0 T0', 'whiteout d/sub', 'directory new 755 0:0 @5', 'file new/b 644 0:0 @5 other'],
  ],
  ['modes alone', 'chmod 700 /d; chmod 600 /d/a', ['directory d 700 0:0 @5', 'file d/a 600 0:0 @5 hello']],
  [
    'a new name of an old file, with its bytes',
    'ln /d/a /h',
    ['directory d 755 0:0 @5', 'file d/a 644 0:0 @5 hello', 'hardlink h 644 0:0 @5 -> d/a'],
  ],
];

for (const [what, script, lines] of rows) {
  test(`step() makes a layer of ${what}`, needs, async () => {
    const directory = lab.folder();
    const action: RunAction = { ...plainRun, argv: ['/bin/sh', '-ec', script] };
    const facts = await lab.request({ kind: 'step', action, directory, lowers: [base.fs], buildStartNs: '1577836800000000000' });
    assert.deepEqual(
      readLayer(directory, facts).entries.map((entry) => describeEntry(entry, texts)),
      lines,
    );
    assert.equal(await lab.shell(`ls ${directory}`), 'fs\nindex\n');
  });
}
