import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeBusyboxLayout } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';
import type { UserKind } from '../support/users.ts';

shareProcess();

const base = ['--progress=plain', '--build-context', 'base=oci-layout://base'] as const;

async function withBase(run: string, user: UserKind): Promise<Sandbox> {
  const box = sandbox({ user });
  await writeBusyboxLayout(box.at('base'), { isRootOnly: user === 'single' });
  return box.file('c/Containerfile', `FROM base\n${run}\n`);
}

/** The top of the hierarchy of version 2, wherever it is mounted. */
const top = readFileSync('/proc/self/mountinfo', 'utf8')
  .split('\n')
  .find((line) => line.includes(' - cgroup2 '))
  ?.split(' ')[4];

/** A group of the machine, removed with those that are left in it. */
function group(): Disposable & { readonly name: string; readonly path: string } {
  const name = `suite-${process.pid}-groups`;
  const path = join(top ?? '', name);
  mkdirSync(path);
  return {
    name,
    path,
    [Symbol.dispose]: () => {
      for (const left of groupsIn(path)) rmdirSync(join(path, left));
      rmdirSync(path);
    },
  };
}

function groupsIn(path: string): readonly string[] {
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
}

const needsRoot = requires('root', 'tool:busybox');

test('a RUN is in a control group of its own, at whose top it sees itself, and it is gone afterwards', needsRoot, async () => {
  using parent = group();
  // What a killed build has left; there is no such process.
  mkdirSync(join(parent.path, 'tsbuild-4194999-1'));
  // What is killed because the command has ended is counted by a group alone.
  using box = await withBase("RUN cat /proc/self/cgroup; sh -c '(while :; do :; done) & sleep 1'", 'root');
  const { stderr } = await box.tsbuild(...base, '--cgroup-parent', parent.name, 'c').succeeds();
  assert.match(stderr, /^#\d+ [\d.]+ 0::\/$/m);
  assert.match(stderr, /^#\d+ CPU (?!0\.0s)/m);
  assert.deepEqual(groupsIn(parent.path), []);
});

for (const user of ['subids', 'single'] as const) {
  const needs = requires(`user:${user}`, 'tool:busybox');
  test(`limits that ${user} cannot set are told once, with the cure, and are in no key`, needs, async () => {
    using box = await withBase('RUN echo one\nRUN echo two', user);
    const { stderr } = await box.tsbuild(...base, '--memory=64m', '--cpus=1.5', '--pids-limit=50', 'c').succeeds();
    const told = stderr.match(/^Commands run without --memory, --pids-limit, --cpus: .*\. \S.*$/gm) ?? [];
    assert.equal(told.length, 1, stderr);
    const again = await box.tsbuild(...base, '--memory=32m', 'c').succeeds();
    assert.match(again.stderr, /\(2 steps, 2 cached\)/);
  });
}
