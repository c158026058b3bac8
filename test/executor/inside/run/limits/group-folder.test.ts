import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ControlGroup } from '../../../../../executor/inside/run/limits/control-group.ts';
import { findGroupFolder, removeGroup, sweepGroups } from '../../../../../executor/inside/run/limits/group-folder.ts';
import { requires } from '../../../../support/requires.ts';
import { temporaryFolder } from '../../../../support/temporary-folder.ts';
import { fakedGroups, fakeGroup } from './faked-groups.ts';

describe('findGroupFolder(), in faked groups', () => {
  test('takes the group of the builder, and gives what it has on', () => {
    using folder = temporaryFolder('groups');
    const home = fakeGroup(folder.path, 'user/app');
    assert.deepEqual(findGroupFolder(['memory', 'hugetlb'], undefined, fakedGroups(folder.path)), {
      kind: 'folder',
      path: home,
      controllers: ['memory'],
    });
    assert.equal(readFileSync(join(home, 'cgroup.subtree_control'), 'utf8'), '+memory');
  });

  test('takes the group above the leaf that a builder before has moved to', () => {
    using folder = temporaryFolder('groups');
    const home = fakeGroup(folder.path, 'user/app');
    fakeGroup(folder.path, 'user/app/tsbuild');
    const around = fakedGroups(folder.path, { cgroup: '0::/user/app/tsbuild\n' });
    const found = findGroupFolder(['pids'], undefined, around);
    assert.deepEqual(found.kind === 'folder' && found.path, home);
  });

  test('takes the group that was asked for, which is made', () => {
    using folder = temporaryFolder('groups');
    const given = fakeGroup(folder.path, 'machine.slice');
    fakeGroup(folder.path, '.');
    const found = findGroupFolder(['pids'], 'machine.slice', fakedGroups(folder.path));
    assert.deepEqual(found.kind === 'folder' && found.path, given);
  });

  test('goes to the top where its own group has nothing', () => {
    using folder = temporaryFolder('groups');
    fakeGroup(folder.path, 'user/app', '');
    fakeGroup(folder.path, '.');
    const found = findGroupFolder(['pids'], undefined, fakedGroups(folder.path));
    assert.deepEqual(found.kind === 'folder' && found.path, folder.at('groups'));
  });

  for (const [why, changes, expected] of [
    ['version 1', { mountinfo: '30 20 0:26 / /sys/fs/cgroup rw - tmpfs x rw' }, /no control groups of version 2/],
    ['a group outside of the namespace', { cgroup: '0::/../x\n' }, /is not visible/],
    [
      'a machine between the versions',
      { cgroup: '8:pids:/\n0::/user/app\n' },
      /has its controllers in control groups of version 1/,
    ],
    ['no group', { cgroup: '' }, /is not visible/],
    ['a group that is not there', { cgroup: '0::/none\n' }, /groups\/none" cannot be used: it is not there/],
  ] as const) {
    test(`says why there is none: ${why}`, () => {
      using folder = temporaryFolder('groups');
      const found = findGroupFolder(['pids'], undefined, fakedGroups(folder.path, changes));
      assert.match(found.kind === 'none' ? found.why : '', expected);
    });
  }
});

/** A group of the machine's own hierarchy of version 2. */
function realGroup(): (Disposable & { readonly path: string; readonly name: string; readonly top: string }) | undefined {
  const top = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .find((line) => line.includes(' - cgroup2 '))
    ?.split(' ')[4];
  if (top === undefined) return undefined;
  const name = `limits-${process.pid}`;
  const path = join(top, name);
  mkdirSync(path);
  return {
    top,
    path,
    name,
    [Symbol.dispose]: () => {
      for (const below of readdirSync(path, { withFileTypes: true })) if (below.isDirectory()) rmdirSync(join(path, below.name));
      // What was killed is in it until somebody has waited for it.
      for (let count = 0; !removeGroup(path) && count < 500; count++) {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
      }
    },
  };
}

describe('a group of the kernel', requires('root'), () => {
  test('is made, used and removed; where a controller is given, the builder and what it started move to a leaf first', async () => {
    using group = realGroup();
    assert.ok(group !== undefined);
    const controller = givenController(group.top);
    const main = spawn('sh', ['-c', 'sleep 1000 & wait']);
    const stranger = spawn('sleep', ['1000']);
    const mainPid = main.pid ?? 0;
    for (const pid of [mainPid, ...childrenOf(mainPid)]) writeFileSync(join(group.path, 'cgroup.procs'), String(pid));
    const around = {
      mountinfo: readFileSync('/proc/self/mountinfo', 'utf8'),
      cgroup: `0::/${group.name}\n`,
      pid: process.pid,
      mainPid,
      procFolder: '/proc',
    };
    try {
      if (controller !== undefined) {
        writeFileSync(join(group.path, 'cgroup.procs'), String(stranger.pid));
        // The builder is where it was, and the top of the machine is left, where root may make groups.
        const top = findGroupFolder([controller], undefined, around);
        assert.equal(top.kind === 'folder' && top.path, group.top);
        assert.equal(existsSync(join(group.path, 'tsbuild')), false);
      }
      stranger.kill('SIGKILL');
      await once(stranger, 'exit');
      const wanted = controller === undefined ? [] : [controller];
      const found = findGroupFolder(wanted, undefined, around);
      assert.deepEqual(found, { kind: 'folder', path: group.path, controllers: wanted });
      if (controller !== undefined) {
        assert.equal(readFileSync(join(group.path, 'tsbuild/cgroup.procs'), 'utf8').trim().split('\n').length, 2);
        assert.deepEqual(findGroupFolder(wanted, undefined, { ...around, cgroup: `0::/${group.name}/tsbuild\n` }), found);
      }
      await useGroup(join(group.path, `tsbuild-${process.pid}-1`));
      const dead = execFileSync('sh', ['-c', 'echo $$'], { encoding: 'utf8' }).trim();
      for (const pid of [dead, process.pid]) mkdirSync(join(group.path, `tsbuild-${pid}-7`));
      sweepGroups(group.path, '/proc');
      assert.deepEqual(
        readdirSync(group.path).filter((name) => name.startsWith('tsbuild')),
        [...(controller === undefined ? [] : ['tsbuild']), `tsbuild-${process.pid}-7`],
      );
    } finally {
      for (const pid of [...childrenOf(mainPid), mainPid]) process.kill(pid, 'SIGKILL');
      await once(main, 'exit');
    }
  });
});

/** One that the top has switched on for its groups: a machine between the versions has none, and switching one on there would break runtimes. */
function givenController(top: string): string | undefined {
  return readFileSync(join(top, 'cgroup.subtree_control'), 'utf8').trim().split(' ').find(Boolean);
}

/** Burns time in a group, and looks what it says. */
async function useGroup(folder: string): Promise<void> {
  mkdirSync(folder);
  const group = new ControlGroup(folder, {});
  const burner = spawn('sh', ['-c', 'read go; i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done']);
  group.add(burner.pid ?? 0);
  burner.stdin.end('go\n');
  await once(burner, 'exit');
  const usage = group.usage({ processorMs: 0 });
  assert.ok(usage !== undefined && usage.processorMs > 20, JSON.stringify(usage));
  assert.equal(group.exceededMemory, undefined);
  await group[Symbol.asyncDispose]();
  assert.equal(existsSync(folder), false);
}

function childrenOf(pid: number): readonly number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}
