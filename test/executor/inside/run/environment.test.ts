import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { requires } from '../../../support/requires.ts';
import type { Outcome, Scenario } from './scenario.ts';
import { ScenarioPlayer } from './scenario-player.ts';

/** Shell commands and all that they print. */
const rows: readonly (readonly [name: string, scenario: Scenario, stdout: string])[] = [
  [
    'the 14 capabilities of docker as root',
    { shell: 'grep Cap /proc/self/status' },
    [
      'CapInh:\t0000000000000000',
      'CapPrm:\t00000000a80425fb',
      'CapEff:\t00000000a80425fb',
      'CapBnd:\t00000000a80425fb',
      'CapAmb:\t0000000000000000',
    ].join('\n'),
  ],
  [
    'only the bounding set as another user',
    { shell: 'grep Cap /proc/self/status', action: { user: 'app' } },
    [
      'CapInh:\t0000000000000000',
      'CapPrm:\t0000000000000000',
      'CapEff:\t0000000000000000',
      'CapBnd:\t00000000a80425fb',
      'CapAmb:\t0000000000000000',
    ].join('\n'),
  ],
  [
    'a filter, and set-id programs allowed',
    { shell: "grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status" },
    'NoNewPrivs:\t0\nSeccomp:\t2',
  ],
  [
    'no filter when it is insecure',
    { shell: 'grep ^Seccomp: /proc/self/status', action: { security: 'insecure' } },
    'Seccomp:\t0',
  ],
  ['itself as the first of few processes', { shell: 'echo $$; ls -d /proc/[0-9]* | wc -l' }, '1\n3'],
  ['the end of its input', { shell: 'cat; echo end' }, 'end'],
  ['the umask of a login', { shell: 'umask' }, '0022'],
  ['PATH and HOME', { shell: 'echo $PATH $HOME' }, '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin /root'],
  [
    'its own environment and nothing else',
    { action: { argv: ['env'], env: ['A=1', 'PATH=/bin', 'A=2'] } },
    'HOME=/root\nA=2\nPATH=/bin',
  ],
  ['its host name', { shell: 'hostname; cat /etc/hostname', action: { hostname: 'box' } }, 'box\nbox'],
  [
    'the hosts it was given',
    { shell: 'cat /etc/hosts', action: { hosts: [{ name: 'db', address: '10.0.0.9' }] } },
    '127.0.0.1\tlocalhost buildkitsandbox\n::1\tlocalhost ip6-localhost ip6-loopback\n10.0.0.9\tdb',
  ],
  [
    'the resolver it was given',
    {
      shell: 'cat /etc/resolv.conf',
      action: { network: 'none', dns: { servers: ['10.0.0.1'], searches: ['a.test', 'b.test'], options: ['ndots:2'] } },
    },
    'nameserver 10.0.0.1\nsearch a.test b.test\noptions ndots:2',
  ],
  ['name files that are read-only', { shell: 'echo x >> /etc/hosts || echo no' }, 'no'],
  ['64 MiB of shared memory', { shell: 'df -k /dev/shm | grep -o 65536' }, '65536\n65536'],
  [
    'as much shared memory as asked for',
    { shell: 'df -k /dev/shm | grep -o 131072', action: { shmSizeBytes: 134_217_728 } },
    '131072\n131072',
  ],
  ['1024 open files', { shell: 'ulimit -S -n' }, '1024'],
  [
    'the limits it was given',
    {
      shell: 'ulimit -n; ulimit -c',
      action: {
        ulimits: [
          { name: 'nofile', soft: 62, hard: 62 },
          { name: 'core', soft: 0, hard: 0 },
        ],
      },
    },
    '62\n0',
  ],
  [
    'the usual devices',
    {
      shell:
        'ls /dev; echo x > /dev/null; head -c 3 /dev/zero | wc -c; head -c 2 /dev/urandom | wc -c; ls -l /dev/full | head -c 10',
    },
    'fd\nfull\nmqueue\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero\n3\n2\ncrw-rw-rw-',
  ],
  ['its output by name, as any user', { shell: 'echo out > /dev/stdout', action: { user: 'app' } }, 'out'],
  [
    'shared memory and queues that all may use',
    { shell: 'ls -ld /dev/shm /dev/mqueue | cut -c1-10', action: { user: 'app' } },
    'drwxrwxrwt\ndrwxrwxrwt',
  ],
  ['hidden keys and firmware', { shell: 'cat /proc/keys; ls /sys/firmware; echo none' }, 'none'],
  [
    'kernel settings that it cannot change',
    { shell: 'echo 1 > /proc/sys/kernel/hostname || echo no; mkdir /sys/x || echo no' },
    'no\nno',
  ],
  [
    'only lo, and that up, without a network',
    { shell: 'ls /sys/class/net; ip -o addr show lo | grep -o "inet 127.0.0.1"', action: { network: 'none' } },
    'lo\ninet 127.0.0.1',
  ],
  [
    'no devices that it makes itself',
    { shell: 'mknod /null c 1 3 || echo no; mknod /fifo p && test -p /fifo && echo fifo' },
    'no\nfifo',
  ],
  [
    'a working directory that is made',
    { shell: 'pwd; stat -c "%a %u:%g" /a .', action: { cwd: '/a/b' } },
    '/a/b\n755 0:0\n755 0:0',
  ],
  ['root with its groups', { shell: 'id -u; id -G' }, '0\n0 10'],
  ['a user with its groups and home', { shell: 'id -u; id -G; echo $HOME', action: { user: 'app' } }, '1000\n1000 50\n/home/app'],
  [
    'its primary group among the supplementary ones',
    { shell: 'grep -o "^Groups:.*[0-9]" /proc/self/status', action: { user: 'app' } },
    'Groups:\t50 1000',
  ],
  ['a user without further groups when one is named', { shell: 'id -u; id -G', action: { user: 'app:staff' } }, '1000\n50'],
  ['an unknown number as a user', { shell: 'id -u; id -G; echo $HOME', action: { user: '4242' } }, '4242\n0\n/'],
  ['unknown numbers as user and group', { shell: 'id -u; id -G', action: { user: '1042:1043' } }, '1042\n1043'],
  ['root without a passwd file', { shell: 'id -u; id -G', isBare: true }, '0\n0'],
];

describe('a RUN sees', requires('user:subids'), () => {
  let player: ScenarioPlayer;
  before(() => {
    player = new ScenarioPlayer('subids');
  });
  after(() => player[Symbol.asyncDispose]());

  for (const [name, scenario, stdout] of rows) {
    test(name, async () => {
      const outcome = await player.play(scenario);
      assert.deepEqual(
        { stdout: outcome.stdout.trimEnd(), failure: outcome.failure },
        { stdout: stdout.trimEnd(), failure: undefined },
      );
    });
  }

  test('all capabilities when it is insecure', async () => {
    const last = Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8'));
    const all = ((1n << BigInt(last + 1)) - 1n).toString(16).padStart(16, '0');
    const { stdout } = await player.play({ shell: 'grep -E "Cap(Eff|Bnd)" /proc/self/status', action: { security: 'insecure' } });
    assert.equal(stdout, `CapEff:\t${all}\nCapBnd:\t${all}\n`);
  });

  test('namespaces of its own, and the network of the host only when it may', async () => {
    const names = ['user', 'mnt', 'pid', 'ipc', 'uts', 'cgroup', 'net'];
    const shell = `cd /proc/self/ns; for n in ${names.join(' ')}; do readlink $n; done`;
    const ours = names.map((name) => readlinkSync(`/proc/self/ns/${name}`));
    const shared = async (network: 'host' | 'none'): Promise<string[]> => {
      const theirs = (await player.play({ shell, action: { network } })).stdout.trim().split('\n');
      return names.filter((_, index) => ours[index] === theirs[index]);
    };
    assert.deepEqual([await shared('host'), await shared('none')], [['net'], []]);
  });

  test('no mount of the host', async () => {
    const { stdout } = await player.play({ shell: 'cat /proc/self/mounts', action: { network: 'none' } });
    const targets = stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[1]);
    const own =
      /^\/($|dev($|\/(null|zero|full|random|urandom|tty|pts|shm|mqueue)$)|etc\/(hosts|hostname|resolv.conf)$|proc($|\/)|sys($|\/))/;
    assert.deepEqual(
      targets.filter((target) => !own.test(target ?? '')),
      [],
    );
  });
});

test('a RUN in a container that masks /proc and /sys gets what there is', requires('user:subids'), async () => {
  await using player = new ScenarioPlayer('subids');
  const scenario: Scenario = {
    shell: 'cat /proc/self/comm; ls -A /proc/tty /sys/kernel; touch /sys/x || echo no',
    action: { network: 'none' },
  };
  const outcome = await player.play({ ...scenario, isMasked: true });
  const again = await player.play(scenario);
  const stdout = 'cat\n/proc/tty:\n\n/sys/kernel:\nno\n';
  assert.deepEqual([outcome.stdout, outcome.failure, outcome.layer], [stdout, undefined, []]);
  assert.deepEqual(outcome.warnings, [
    'The kernel refuses a new /proc, because the one of this container is masked: commands see the processes around the build',
  ]);
  assert.deepEqual([again.stdout, again.warnings], [stdout, []]);
});

test('a hook of a device runs once in a container that masks /proc and /sys', requires('user:subids'), async () => {
  await using player = new ScenarioPlayer('subids');
  const hook = { path: '/bin/sh', args: ['sh', '-c', 'cat > /dev/null; echo hook'], env: [], timeoutSeconds: undefined };
  const hooks = [{ ...hook, name: 'createContainer' as const }];
  const outcome = await player.play({ shell: 'echo command', action: { network: 'none', hooks }, isMasked: true });
  assert.deepEqual(outcome.stdout.split('\n').toSorted(), ['', 'command', 'hook']);
  assert.deepEqual([outcome.failure, outcome.mounts, outcome.leftovers], [undefined, [], []]);
});

describe('a RUN ends', requires('user:subids'), () => {
  let player: ScenarioPlayer;
  before(() => {
    player = new ScenarioPlayer('subids');
  });
  after(() => player[Symbol.asyncDispose]());

  const failureOf = async (scenario: Scenario): Promise<Outcome['failure']> => (await player.play(scenario)).failure;

  test('with its exit code', async () => {
    assert.deepEqual(await failureOf({ shell: 'exit 42' }), { kind: 'command-failed', exitCode: 42 });
  });

  test('with the code of a child that a signal killed', async () => {
    assert.deepEqual(await failureOf({ shell: "sh -c 'kill -9 $$'; exit $?" }), { kind: 'command-failed', exitCode: 137 });
  });

  test('without what it left in the background', async () => {
    const outcome = await player.play({ shell: 'sleep 1000 & sleep 1000 & echo started' });
    assert.deepEqual([outcome.stdout, outcome.failure], ['started\n', undefined]);
  });

  test('with both streams as they were written', async () => {
    const outcome = await player.play({ shell: 'echo out; echo err >&2; printf "\\001 no newline"' });
    assert.deepEqual([outcome.stdout, outcome.stderr], ['out\n\u0001 no newline', 'err\n']);
  });

  test('without a descriptor left open, however it ends', async () => {
    const counts = [];
    for (const shell of ['true', 'exit 1', 'sleep 1000 &', 'true']) {
      counts.push((await player.play({ shell })).descriptors);
    }
    counts.push((await player.play({ action: { argv: ['/none'] } })).descriptors);
    assert.deepEqual(new Set(counts).size, 1, counts.join());
  });

  test('together with the program that it belongs to', async () => {
    const name = `1${process.pid}.5`;
    const storeRoot = path.join(tmpdir(), `tsbuild-scenarios-${process.pid}`);
    const doomed = new ScenarioPlayer('subids', storeRoot);
    const broken = assert.rejects(doomed.play({ shell: `exec sleep ${name}`, action: { user: 'app' } }));
    await until(() => isRunning(`sleep ${name}`));
    doomed.kill();
    await broken;
    await until(() => !isRunning(`sleep ${name}`));
    // Another one can remove what it left.
    await new ScenarioPlayer('subids', storeRoot)[Symbol.asyncDispose]();
    assert.equal(existsSync(storeRoot), false);
  });

  test('at once when it is cancelled and does not listen', async () => {
    const start = performance.now();
    const graceMs = 600_000;
    const scenario = { shell: 'echo started; sleep 1000', cancelAt: 'started', graceMs };
    assert.deepEqual(await failureOf(scenario), { kind: 'cancelled' });
    assert.ok(performance.now() - start < graceMs);
  });

  test('in its own way when it is cancelled and listens', async () => {
    const shell = 'trap "echo bye; exit 0" TERM; echo started; while :; do sleep 0.05; done';
    const outcome = await player.play({ shell, cancelAt: 'started', graceMs: 60_000 });
    assert.deepEqual([outcome.stdout, outcome.failure], ['started\nbye\n', { kind: 'cancelled' }]);
  });

  test('by force when it is cancelled and will not end', async () => {
    const shell = 'trap "" TERM; trap "echo no" TERM; echo started; while :; do sleep 0.05; done';
    assert.deepEqual(await failureOf({ shell, cancelAt: 'started', graceMs: 100 }), { kind: 'cancelled' });
  });
});

function isRunning(command: string): boolean {
  return readdirSync('/proc').some((name) => commandOf(name) === command);
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trimEnd();
  } catch {
    // No process, or one that has just ended.
    return '';
  }
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) {
    await new Promise((resolve) => {
      setTimeout(resolve, 10);
    });
  }
}
