import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ControlGroup, ControlGroups } from '../../../../../executor/inside/run/limits/control-group.ts';
import { temporaryFolder } from '../../../../support/temporary-folder.ts';
import { describeForEachUser } from '../each-user.ts';
import { fakedGroups, fakeGroup } from './faked-groups.ts';

describe('ControlGroups, in faked groups', () => {
  test('tells once what cannot be limited, with the cure', () => {
    using folder = temporaryFolder('groups');
    const groups = new ControlGroups(fakedGroups(folder.path));
    const warnings: string[] = [];
    const warn = (message: string): number => warnings.push(message);
    for (let count = 0; count < 2; count++) assert.equal(groups.make({ pids: 5, memoryBytes: 2 ** 20 }, warn), undefined);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? '', /^Commands run without --memory, --pids-limit: ".*" cannot be used: it is not there\. \S/);
  });

  test('limits what there is a controller for, and tells of the rest', () => {
    using folder = temporaryFolder('groups');
    const home = fakeGroup(folder.path, 'user/app', 'pids');
    const warnings: string[] = [];
    // The kernel makes these files with a group, so nothing is written into one that is not there.
    assert.throws(
      () => new ControlGroups(fakedGroups(folder.path)).make({ pids: 5, cpuShares: 3 }, (message) => warnings.push(message)),
      /^Refusal: Cannot limit the command by --pids-limit, pids\.max = 5: ENOENT$/,
    );
    assert.match(warnings.join(), /^Commands run without --cpu-shares: ".*\/user\/app" has no controller cpu\. /);
    assert.deepEqual(
      readdirSync(home).filter((name) => name.startsWith('tsbuild')),
      [],
    );
  });
});

test('a group tells what its command took, by faked files', () => {
  using folder = temporaryFolder('groups');
  const group = new ControlGroup(folder.path, { memoryBytes: 64 });
  const known = { processorMs: 7, memory: { peakBytes: 9, of: 'largest-process' } } as const;
  assert.deepEqual(group.usage(known), known);
  writeFileSync(folder.at('cpu.stat'), 'usage_usec 5230000\nuser_usec 1\n');
  assert.deepEqual(group.usage(known), { ...known, processorMs: 5230 });
  writeFileSync(folder.at('memory.peak'), '1048576\n');
  assert.deepEqual(group.usage(undefined), { processorMs: 5230, memory: { peakBytes: 1_048_576, of: 'all-processes' } });
  writeFileSync(folder.at('memory.events'), 'low 0\noom 1\noom_kill 0\n');
  assert.equal(group.exceededMemory, undefined);
  writeFileSync(folder.at('memory.events'), 'low 0\noom 1\noom_kill 3\n');
  assert.equal(group.exceededMemory, 64);
});

test('a group that cannot be limited as asked is refused in words, by faked files', () => {
  using folder = temporaryFolder('groups');
  const group = new ControlGroup(folder.path, {});
  const optional = { name: 'memory.oom.group', value: '1', flag: undefined } as const;
  group.limit([optional]);
  writeFileSync(folder.at('pids.max'), 'max\n');
  group.limit([{ name: 'pids.max', value: '50', flag: '--pids-limit' }]);
  assert.equal(readFileSync(join(folder.path, 'pids.max'), 'utf8').slice(0, 2), '50');
  rmSync(folder.path, { recursive: true });
  assert.equal(existsSync(folder.path), false);
});

describeForEachUser('a limited command', (player) => {
  test('runs, and is told of where there is no control group for it', async () => {
    const { stdout, warnings } = await player().play({
      shell: 'echo ran',
      action: { limits: { parent: 'cgroup.procs/none', pids: 50 } },
    });
    assert.equal(stdout, 'ran\n');
    assert.ok(warnings.length <= 1, warnings.join());
    for (const warning of warnings) assert.match(warning, /^Commands run without --pids-limit: /);
  });
});
