import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { requires } from '../../../support/requires.ts';
import { folderTime } from './make-tree.ts';
import type { Scenario } from './scenario.ts';
import { ScenarioPlayer } from './scenario-player.ts';

const times = 'stat -c "%n %Y %a" / /etc /srv';
const rows: readonly (readonly [name: string, scenario: Scenario, layer: readonly string[]])[] = [
  ['nothing', {}, []],
  ['nothing in a root without any folder of the system', { isBare: true }, []],
  [
    'nothing, with links for folders of the system',
    {
      isBare: true,
      layer: { dev: { link: 'system/dev' }, 'system/x': '', proc: { link: '/system/proc' }, sys: { link: '/etc' } },
    },
    [],
  ],
  ['one file', { shell: 'echo x > /newfile' }, ['f644 0:0 newfile']],
  ['one file beside the name files', { shell: 'echo x > /etc/motd' }, ['d755 0:0 etc', 'f644 0:0 etc/motd']],
  ['what it deletes', { shell: 'rm /etc/group' }, ['d755 0:0 etc', 'c0 0:0 etc/group']],
  ['its working directory', { action: { cwd: '/srv/app' } }, ['d755 0:0 srv', 'd755 0:0 srv/app']],
  [
    'no working directory in a mount',
    { action: { cwd: '/t/app', mounts: [{ kind: 'tmpfs', target: '/t', sizeBytes: undefined }] } },
    [],
  ],
  ['nothing of /dev, /proc and /sys', { shell: 'echo x > /dev/shm/x; mkdir /dev/x; ls /proc /sys > /dev/null' }, []],
  ['nothing when it fails', { shell: 'exit 1' }, []],
  ['a folder whose mode it changes', { shell: 'chmod 700 /etc' }, ['d700 0:0 etc']],
];

describe('a RUN leaves in its layer', requires('user:subids'), () => {
  let player: ScenarioPlayer;
  before(() => {
    player = new ScenarioPlayer('subids');
  });
  after(() => player[Symbol.asyncDispose]());

  for (const [name, scenario, layer] of rows) {
    test(name, async () => {
      assert.deepEqual((await player.play(scenario)).layer, layer);
    });
  }

  test('the times of folders that got mount points', async () => {
    const mounts = [{ kind: 'tmpfs', target: '/srv/a/b', sizeBytes: undefined } as const];
    const outcome = await player.play({ shell: times, layer: { 'srv/x': '', 'etc/x': '' }, action: { mounts } });
    const expected = ['/', '/etc', '/srv'].map((name) => `${name} ${folderTime} 755\n`).join('');
    assert.deepEqual([outcome.stdout, outcome.layer], [expected, []]);
  });
});

describe('with a single id a RUN', requires('user:single'), () => {
  let player: ScenarioPlayer;
  before(() => {
    player = new ScenarioPlayer('single');
  });
  after(() => player[Symbol.asyncDispose]());

  test('works as root', async () => {
    const group: Scenario['layer'] = { 'etc/group': 'root:x:0:\n' };
    const outcome = await player.play({
      shell: 'id -u; echo x > /made; stat -c %u:%g /made; chown 1:1 /made || echo no',
      layer: group,
    });
    assert.deepEqual([outcome.stdout, outcome.failure, outcome.layer], ['0\n0:0\nno\n', undefined, ['f644 0:0 made']]);
  });

  test('does without the groups that root has', async () => {
    const outcome = await player.play({ shell: 'id -G' });
    assert.deepEqual([outcome.stdout, outcome.failure], ['0\n', undefined]);
  });

  test('says that it has no other user', async () => {
    const { failure } = await player.play({ action: { user: 'app' } });
    assert.deepEqual(failure, {
      kind: 'refused',
      code: 'no-mapped-id',
      message: 'Cannot use the ids 1000:1000: they are not mapped into the build',
    });
  });
});

describe('as root a RUN', requires('root'), () => {
  let player: ScenarioPlayer;
  before(() => {
    player = new ScenarioPlayer('root');
  });
  after(() => player[Symbol.asyncDispose]());

  test('has the ids of the machine and no more rights than others', async () => {
    const outcome = await player.play({
      shell:
        'id -u; grep CapEff /proc/self/status; mknod /x c 1 3 || echo no; chown 70000:70000 /etc/group && stat -c %u /etc/group',
    });
    assert.deepEqual([outcome.stdout, outcome.failure], ['0\nCapEff:\t00000000a80425fb\nno\n70000\n', undefined]);
  });
});
