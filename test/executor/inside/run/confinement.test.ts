import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Confinement, SeccompProfile } from '../../../../executor/protocol/confinement.ts';
import { describeForEachUser } from './each-user.ts';
import type { Scenario } from './scenario.ts';

const status = "grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status | cut -f2 | tr '\\n' ' '";
const usual = '00000000a80425fb';
const nobody = '0000000000000000';
const nothing = { capabilities: [], architectures: [], kernel: undefined };

/** Answers mkdir() with ENOTDIR, whichever way it is called. */
const noFolders: SeccompProfile = {
  otherwise: 0x7fff_0000,
  modes: [],
  flags: 0,
  rules: [{ names: ['mkdir', 'mkdirat'], returns: 0x0005_0014, tests: [], includes: nothing, excludes: nothing }],
};

function confined(confinement: Confinement, changes: NonNullable<Scenario['action']> = {}): Scenario {
  return { shell: status, action: { confinement, ...changes } };
}

const rows: readonly (readonly [name: string, scenario: Scenario, stdout: string])[] = [
  [
    'what was added to its capabilities',
    confined({ capabilities: { from: 'usual', added: ['CAP_SYS_PTRACE', 'CAP_CHOWN'], dropped: [] } }),
    '00000000a80c25fb 00000000a80c25fb 0 2',
  ],
  [
    'nothing of what was dropped, though it was added',
    confined({ capabilities: { from: 'usual', added: ['CAP_SYS_PTRACE'], dropped: ['CAP_SYS_PTRACE', 'CAP_CHOWN'] } }),
    '00000000a80425fa 00000000a80425fa 0 2',
  ],
  [
    'what was added to no capabilities',
    confined({ capabilities: { from: 'none', added: ['CAP_CHOWN'], dropped: [] } }),
    '0000000000000001 0000000000000001 0 2',
  ],
  ['no capabilities', confined({ capabilities: { from: 'none', added: [], dropped: [] } }), `${nobody} ${nobody} 0 2`],
  [
    'added capabilities for set-id programs alone as another user',
    confined({ capabilities: { from: 'usual', added: ['CAP_SYS_PTRACE'], dropped: [] } }, { user: 'app' }),
    `${nobody} 00000000a80c25fb 0 2`,
  ],
  ['no filter where it is unconfined', confined({ seccomp: 'unconfined' }), `${usual} ${usual} 0 0`],
  ['no new privileges, and its filter', confined({ hasNoNewPrivileges: true }), `${usual} ${usual} 1 2`],
  ['no new privileges as another user', confined({ hasNoNewPrivileges: true }, { user: 'app' }), `${nobody} ${usual} 1 2`],
  [
    'no new privileges where it is insecure, and all else',
    {
      shell: "grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status | cut -f2",
      action: {
        security: 'insecure',
        confinement: { hasNoNewPrivileges: true, capabilities: { from: 'none', added: [], dropped: [] } },
      },
    },
    '1\n0',
  ],
  [
    'the mounts that CAP_SYS_ADMIN and its filter allow',
    {
      shell: 'mount -t tmpfs none /tmp && touch /tmp/x && umount /tmp && echo mounted',
      layer: { tmp: { directory: true } },
      action: { confinement: { capabilities: { from: 'usual', added: ['CAP_SYS_ADMIN'], dropped: [] } } },
    },
    'mounted',
  ],
  [
    'the calls that a profile leaves',
    { shell: 'mkdir /d 2>&1', action: { confinement: { seccomp: noFolders } } },
    "mkdir: can't create directory '/d': Not a directory",
  ],
  [
    'a profile that forbids what its start needs, with no new privileges',
    {
      shell: 'echo started',
      action: {
        confinement: {
          seccomp: {
            ...noFolders,
            rules: [
              {
                names: ['capset', 'setgroups', 'setresuid', 'setresgid'],
                returns: 0x0005_0001,
                tests: [],
                includes: nothing,
                excludes: nothing,
              },
            ],
          },
          hasNoNewPrivileges: true,
        },
      },
    },
    'started',
  ],
];

describeForEachUser('a command that is confined otherwise has, as', (player, user) => {
  for (const [name, scenario, stdout] of rows.filter(([, { action }]) => user !== 'single' || action?.user !== 'app')) {
    test(name, async () => {
      const outcome = await player().play(scenario);
      assert.deepEqual([outcome.stdout.trimEnd(), outcome.stderr], [stdout, '']);
    });
  }

  test('further groups by name and number, where there are any', async () => {
    const outcome = await player().play({ shell: 'id -G', action: { additionalGroups: ['staff', '0', '7'] } });
    if (user === 'single') assert.equal(outcome.failure?.kind === 'refused' && outcome.failure.code, 'no-mapped-id');
    else {
      assert.deepEqual(
        outcome.stdout
          .trim()
          .split(' ')
          .map(Number)
          .toSorted((left, right) => left - right),
        [0, 7, 10, 50],
      );
    }
  });

  test('no group that the image does not know', async () => {
    const { failure } = await player().play({ shell: 'true', action: { additionalGroups: ['nobodys'] } });
    assert.equal(failure?.kind === 'refused' && failure.code, 'unknown-group');
  });

  test('no AppArmor profile where that is not on', async () => {
    const { failure } = await player().play(confined({ apparmor: 'some' }));
    assert.equal(failure?.kind === 'refused' && failure.code, 'machine');
  });

  test('a word about a label where SELinux is not on', async () => {
    const outcome = await player().play(confined({ label: { type: 'container_t' } }));
    assert.deepEqual(
      [outcome.failure, outcome.warnings],
      [undefined, ['SELinux is not on here, so --security-opt label= has no effect']],
    );
  });

  test('strictness: no network of the host, no insecurity', async () => {
    const messageOf = async (action: NonNullable<Scenario['action']>): Promise<string> => {
      const { failure } = await player().play({ shell: 'true', action: { isStrict: true, ...action } });
      return failure === undefined ? 'it ran' : 'message' in failure ? failure.message : failure.kind;
    };
    const start = 'Cannot isolate the command as --isolation strict demands';
    assert.equal(await messageOf({ network: 'none' }), 'it ran');
    assert.equal(await messageOf({}), `${start}: it shares the network of this machine`);
    assert.equal(await messageOf({ network: 'none', security: 'insecure' }), `${start}: it is a RUN --security=insecure`);
  });
});
