import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { writeBusyboxLayout } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';
import type { UserKind } from '../support/users.ts';

shareProcess();

const flags = ['--build-context', 'base=oci-layout://base', '--cdi-spec-dir', 'cdi', '--device', 'v.com/c=d'];

/** A device whose hook does `script` after it has read its state. */
async function prepared(user: UserKind, script: (box: Sandbox) => string, hookName = 'createContainer'): Promise<Sandbox> {
  const box = sandbox({ user });
  await writeBusyboxLayout(box.at('base'));
  const args = ['sh', '-c', `cat > /dev/null; ${script(box)}`];
  const hook = { hookName, path: '/bin/sh', args, env: ['PATH=/usr/bin:/bin'] };
  const spec = { cdiVersion: '0.8.0', kind: 'v.com/c', devices: [{ name: 'd', containerEdits: { hooks: [hook] } }] };
  return box.file('cdi/d.json', JSON.stringify(spec)).file('c/Containerfile', 'FROM base\nRUN echo ran > /x\n');
}

test('what a hook says is output of the step', requires('user:subids', 'tool:busybox'), async () => {
  using box = await prepared('subids', () => 'echo from the hook; echo to err >&2; exit 5');
  const stderr = [/the createContainer hook "\/bin\/sh" ended with exit code 5/, /from the hook/, /to err/];
  await box.tsbuild(...flags, 'c').fails({ exit: 1, stderr });
});

for (const [hookName, notice] of [
  ['poststart', /^warning: the poststart hook "\/bin\/sh" ended with exit code 5/m],
  ['poststop', /^warning: the poststop hook "\/bin\/sh" ended with exit code 5/m],
] as const) {
  test(`a ${hookName} hook that fails is a warning`, requires('user:subids', 'tool:busybox'), async () => {
    using box = await prepared('subids', () => 'exit 5', hookName);
    const { stderr } = await box.tsbuild(...flags, 'c').succeeds();
    assert.match(stderr, notice);
  });
}

test('a hook that says much does not block', requires('user:subids', 'tool:busybox'), async () => {
  using box = await prepared('subids', () => 'head -c 300000 /dev/zero | tr "\\0" "x"; echo');
  await box.tsbuild(...flags, 'c').succeeds();
});

test('a hook runs for a user with a single id', requires('user:single', 'tool:busybox'), async () => {
  using box = await prepared('single', () => 'echo id $(id -u)');
  const { stderr } = await box.tsbuild(...flags, '-o', 'type=local,dest=out', 'c').succeeds();
  assert.match(stderr, / id 0$/m);
  assert.equal(readFileSync(box.at('out/x'), 'utf8'), 'ran\n');
});

test('a build that is stopped stops its hooks', requires('user:subids', 'tool:busybox'), async () => {
  using box = await prepared('subids', ({ path }) => `touch ${path}/started; sleep 86399 & sleep 86399`);
  const run = box.tsbuildWith({ isAlone: true }, ...flags, 'c');
  while (!existsSync(box.at('started'))) await delay(20);
  run.child.kill('SIGINT');
  assert.equal((await run.finished()).exit, 130);
  assert.deepEqual(sleepers(), []);
  assert.deepEqual(readdirSync(join(box.store, 'tmp')), []);
});

function sleepers(): readonly string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'latin1').startsWith('sleep\x0086399');
    } catch {
      return false;
    }
  });
}
