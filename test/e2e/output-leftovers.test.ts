import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chownSync, readdirSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox } from '../support/sandbox.ts';

const needs = requires('user:subids');
const rootNeeds = requires('root', 'user:subids');

const name = '.o.tsbuild-0123456789ab';

const outputs: readonly (readonly [output: string, where: string])[] = [
  ['type=oci,dest=out/o.tar', 'out'],
  ['type=docker,dest=out/o.tar', 'out'],
  ['type=tar,dest=out/o.tar', 'out'],
  ['type=local,dest=out/new', 'out'],
  ['type=local,dest=out', 'out'],
  ['type=oci,tar=false,dest=out/layout', 'out'],
];

function prepared(): Sandbox {
  return sandbox().file('c/Containerfile', 'FROM scratch\nCOPY f /\n').file('c/f', 'f').folder('out');
}

function hiddenIn(box: Sandbox, where: string): readonly string[] {
  return readdirSync(box.at(where), { recursive: true, encoding: 'utf8' }).filter((path) => path.includes('.tsbuild-'));
}

test('what killed builds left beside an output goes with the next one, whichever it is', needs, async () => {
  using box = prepared();
  for (const [output, where] of outputs) {
    box.file(`${where}/${name}/new/deep/file`, 'x');
    await box.tsbuild('-o', output, 'c').succeeds();
    assert.deepEqual(hiddenIn(box, where), [], output);
  }
  box.file(`out/layout/blobs/sha256/${name}/new`, 'x').file('c/f', 'other');
  await box.tsbuild('-o', 'type=oci,tar=false,dest=out/layout', 'c').succeeds();
  assert.deepEqual(hiddenIn(box, 'out'), []);
  for (const flag of ['--iidfile', '--metadata-file']) {
    box.file(`out/${name}/new`, 'x');
    await box.tsbuild(flag, 'out/result', 'c').succeeds();
    assert.deepEqual(hiddenIn(box, 'out'), [], flag);
  }
});

test('what is no leftover stays: in use, a file, a link, of another name', needs, async () => {
  using box = prepared();
  const used = name.replace('0', '1');
  const link = name.replace('0', '2');
  const file = name.replace('0', '3');
  box
    .file(`out/${used}/new`, 'x')
    .file('dear/file', 'x')
    .file(`out/${file}`, 'x')
    .file('out/.o.tsbuild-mine/f', 'x')
    .link(`out/${link}`, box.at('dear'));
  const holder = spawn('flock', [box.at('out', used), 'sh', '-c', 'echo held; sleep 600'], { detached: true });
  try {
    await new Promise((resolve) => holder.stdout.once('data', resolve));
    await box.tsbuild('-o', 'type=oci,dest=out/o.tar', 'c').succeeds();
    assert.deepEqual(readdirSync(box.at('out')).toSorted(), [used, link, file, '.o.tsbuild-mine', 'o.tar'].toSorted());
    assert.deepEqual(readdirSync(box.at('dear')), ['file']);
  } finally {
    if (holder.pid !== undefined) process.kill(-holder.pid);
  }
});

test("another user's leftovers stay", rootNeeds, async () => {
  using box = prepared();
  box.file(`out/${name}/new`, 'x');
  chownSync(box.at('out', name), 0, 0);
  await box.tsbuild('-o', 'type=oci,dest=out/o.tar', 'c').succeeds();
  assert.deepEqual(readdirSync(box.at('out', name)), ['new']);
  rmSync(box.at('out', name), { recursive: true });
});

test('a build that is killed while it writes leaves nothing after the next', needs, async () => {
  using box = prepared();
  for (const letter of ['a', 'b', 'c', 'd']) box.file(`c/${letter}`, Buffer.alloc(30_000_000, letter));
  box.file('c/Containerfile', 'FROM scratch\nCOPY a b c d /\n');
  for (const output of ['type=local,dest=out/new', 'type=tar,dest=out/o.tar', 'type=local,dest=out']) {
    const run = box.tsbuild('-o', output, 'c');
    while (hiddenIn(box, 'out').length === 0 && run.child.exitCode === null) await delay(1);
    run.child.kill('SIGKILL');
    await run.finished();
    assert.notDeepEqual(hiddenIn(box, 'out'), [], output);
    await box.tsbuild('-o', output, 'c').succeeds();
    assert.deepEqual(hiddenIn(box, 'out'), [], output);
  }
});
