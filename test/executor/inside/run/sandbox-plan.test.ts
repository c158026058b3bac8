import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readInterpreter } from '../../../../executor/inside/run/interpreter.ts';
import { hostsText, resolverText } from '../../../../executor/inside/run/mounts/hosts.ts';
import { resourceLimits } from '../../../../executor/inside/run/process/resource-limits.ts';
import { type SandboxFacts, sandboxNamespaces, sandboxTape } from '../../../../executor/inside/run/sandbox-plan.ts';
import type { RunAction } from '../../../../executor/protocol/actions.ts';
import { assembleTape } from '../../../../native/tape/assemble.ts';
import { behindPreamble } from '../../../../native/tape/preamble.ts';
import { actionOf } from './scenario.ts';

const facts: SandboxFacts = {
  root: '/store/merged',
  places: { proc: '/store/merged/proc', sys: '/store/merged/sys', dev: '/store/merged/dev' },
  proc: 'new',
  sys: 'bound',
  hostName: 'new',
  user: { uid: 0, gid: 0, groups: [10], home: '/root' },
  canSetGroups: true,
  kernel: {
    architecture: 'x64',
    version: [6, 1],
    lastCapability: 40,
    maskedFiles: ['/proc/kcore'],
    maskedDirectories: ['/sys/firmware'],
    readOnly: ['/proc/sys'],
    sysMounts: ['/sys/kernel/debug'],
    hasUnifiedCgroups: true,
    hasOpenat2: true,
    hardLimits: [],
    hasScopes: false,
  },
  streams: [20, 21, 22],
};

/** `mount proc`, `dup3 stream 0`, … without what is repeated for every capability. */
function callsOf(action: RunAction, changes: Partial<SandboxFacts> = {}): string[] {
  return sandboxTape(action, { ...facts, ...changes })
    .filter(({ what }) => what?.startsWith('capability ') !== true)
    .map(({ syscall, what }) => (what === undefined ? syscall : `${syscall} ${what}`));
}

describe('sandboxTape()', () => {
  test('builds the sandbox from the outside in', () => {
    assert.deepEqual(callsOf(actionOf('true')), [
      'sethostname buildkitsandbox',
      'mount private mounts',
      'mount /store/merged',
      'mount mqueue',
      'mount /sys',
      'mount_setattr /sys',
      'mount /sys/kernel/debug',
      'mount cgroup2',
      'mount proc',
      'mount /store/merged/dev/null',
      'mount /sys/firmware',
      'mount /store/merged/proc/sys',
      'mount /proc/sys',
      'chdir /store/merged',
      'pivot_root /store/merged',
      'umount2 old root',
      'dup3 stream 0',
      'dup3 stream 1',
      'dup3 stream 2',
      'dup3 gate',
      'close_range descriptors',
      'openat2 /',
      'fchdir /',
      'close /',
      'getcwd /',
      'chdir /',
      'prlimit64 limit cpu',
      'prlimit64 limit fsize',
      'prlimit64 limit data',
      'prlimit64 limit stack',
      'prlimit64 limit core',
      'prlimit64 limit rss',
      'prlimit64 limit nproc',
      'prlimit64 limit nofile',
      'prlimit64 limit memlock',
      'prlimit64 limit as',
      'prlimit64 limit locks',
      'prlimit64 limit sigpending',
      'prlimit64 limit msgqueue',
      'prlimit64 limit nice',
      'prlimit64 limit rtprio',
      'prlimit64 limit rttime',
      'setsid',
      'keyctl',
      'umask',

      'personality',
      'prctl timer slack',
      'prctl huge pages',
      'prctl merged memory',
      'prctl memory errors',
      'prctl time stamp counter',
      'seccomp filter',
      'setgroups groups',
      'setresgid 0:0',
      'setresuid 0:0',
      'capset capabilities',
      'prctl parent death signal',
      'execve /bin/sh',
    ]);
  });

  test('has a network, a /sys and cgroups of its own without the network of the host', () => {
    const calls = callsOf(actionOf('true', { network: 'none' }), { sys: 'new' });
    assert.deepEqual(calls.slice(0, 2), ['socket network', 'ioctl lo']);
    assert.deepEqual(calls.slice(5, 9), ['mount mqueue', 'mount sysfs', 'mount cgroup2', 'mount proc']);
    assert.deepEqual(sandboxNamespaces(actionOf('true', { network: 'none' })).at(-1), 'net');
  });

  test('is kept to its own sockets and processes in the network of the host, where the kernel can', () => {
    const kernel = { ...facts.kernel, hasScopes: true };
    const scopes = ['landlock_create_ruleset scopes', 'landlock_restrict_self scopes'];
    assert.deepEqual(callsOf(actionOf('true'), { kernel }).slice(0, 2), scopes);
    assert.deepEqual(callsOf(actionOf('true', { security: 'insecure' }), { kernel }).slice(0, 2), scopes);
    assert.equal(callsOf(actionOf('true', { network: 'none' }), { kernel }).includes('landlock_restrict_self scopes'), false);
  });

  test('takes the /proc of the worker where a new one is refused', () => {
    assert.ok(callsOf(actionOf('true'), { proc: 'bound' }).includes('mount /proc'));
  });

  test('hides and drops nothing when it is insecure', () => {
    const tape = sandboxTape(actionOf('true', { security: 'insecure' }), facts);
    const forbidden = tape.filter(
      ({ syscall, what }) => syscall === 'seccomp' || syscall === 'capset' || what?.startsWith('capability'),
    );
    assert.deepEqual(forbidden, []);
    assert.equal(
      tape.some(({ what }) => what === '/dev/null'),
      false,
    );
  });

  test('puts its root over the old one in no sandbox that could take it away again', () => {
    const ways = (changes: Partial<RunAction>): unknown =>
      sandboxTape(actionOf('true', changes), facts).find(({ syscall }) => syscall === 'pivot_root')?.otherwise?.length;
    const capabilities = { from: 'usual', added: ['CAP_SYS_ADMIN'], dropped: [] } as const;
    assert.deepEqual(
      [ways({}), ways({ security: 'insecure' }), ways({ confinement: { capabilities } })],
      [3, undefined, undefined],
    );
  });

  test('hides things where /proc, /sys and /dev really are', () => {
    const places = { proc: '/store/merged/p', sys: '/store/merged/s', dev: '/store/merged/d' };
    const hidden = sandboxTape(actionOf('true'), { ...facts, places }).flatMap(({ syscall, args: [source, target] }) =>
      syscall === 'mount' ? [[source, target]] : [],
    );
    assert.deepEqual(hidden.slice(-4), [
      ['/store/merged/d/null', '/store/merged/p/kcore'],
      ['tmpfs', '/store/merged/s/firmware'],
      ['/store/merged/p/sys', '/store/merged/p/sys'],
      [0, '/store/merged/p/sys'],
    ]);
  });

  test('has the primary group among the supplementary ones, once (CVE-2023-25173)', () => {
    const groupsOf = (groups: readonly number[]): readonly number[] => {
      const tape = sandboxTape(actionOf('true'), { ...facts, user: { uid: 5, gid: 6, groups, home: '/' } });
      const [count, list] = tape.find(({ syscall }) => syscall === 'setgroups')?.args ?? [];
      assert.ok(list instanceof Uint8Array && list.length === Number(count) * 4);
      return [...new Uint32Array(list.buffer, list.byteOffset, Number(count))];
    };
    assert.deepEqual([groupsOf([]), groupsOf([7, 8]), groupsOf([7, 6])], [[6], [6, 7, 8], [6, 7]]);
  });

  test('drops every capability but 14 from the bounding set', () => {
    const dropped = sandboxTape(actionOf('true'), facts).filter(({ what }) => what?.startsWith('capability ') === true);
    assert.equal(dropped.length, 41 - 14);
  });

  test('gives another user no capabilities, and no groups where they cannot be set', () => {
    const calls = callsOf(actionOf('true'), { user: { uid: 5, gid: 6, groups: [7], home: '/' }, canSetGroups: false });
    assert.equal(
      calls.some((call) => call.startsWith('capset') || call.startsWith('setgroups')),
      false,
    );
    assert.ok(calls.includes('setresuid 5:6'));
  });

  test('tries each folder of PATH and may fail in all but the last', () => {
    const action = actionOf('', { argv: ['tool', 'x'], env: ['PATH=/a::/b'] });
    const programs = sandboxTape(action, facts).filter(({ syscall }) => syscall === 'execve');
    assert.deepEqual(
      programs.map(({ args, mayFail }) => [args[0], args[1], args[2], mayFail]),
      ['/a/tool', './tool', '/b/tool'].map((path, index) => [path, ['tool', 'x'], ['HOME=/root', 'PATH=/a::/b'], index < 2]),
    );
  });

  for (const architecture of ['x64', 'arm64'] as const) {
    test(`can be played on ${architecture}`, () => {
      const kernel = { ...facts.kernel, architecture };
      const action = actionOf('true', { network: 'none' });
      const tape = behindPreamble(sandboxTape(action, { ...facts, kernel, sys: 'new' }), { count: 0, gateFd: 10 });
      assert.ok(assembleTape(tape, architecture).bytes.length > 0);
    });
  }
});

describe('resolverText()', () => {
  const host = '# made by hand\nnameserver 192.0.2.1\nsearch example.test\noptions edns0\n';
  const dns = { servers: [], searches: [], options: [] };
  const rows: readonly (readonly [name: string, changes: Partial<RunAction>, text: string, hostText?: string])[] = [
    ["is the host's", {}, host],
    ['is empty without a network', { network: 'none' }, ''],
    [
      'has the servers asked for',
      { dns: { ...dns, servers: ['10.0.0.1'] } },
      '# made by hand\nsearch example.test\noptions edns0\nnameserver 10.0.0.1\n',
    ],
    [
      'has the searches asked for',
      { dns: { ...dns, searches: ['a', 'b'] } },
      '# made by hand\nnameserver 192.0.2.1\noptions edns0\nsearch a b\n',
    ],
    [
      'has neither a search nor a domain beside the searches asked for',
      { dns: { ...dns, searches: ['a'] } },
      '# made by hand\nnameserver 192.0.2.1\nsearch a\n',
      '# made by hand\nnameserver 192.0.2.1\ndomain example.test\n domain  other.test\n',
    ],
    ['keeps the domain of the host', { dns: { ...dns, servers: ['10.0.0.1'] } }, 'domain x\nnameserver 10.0.0.1\n', 'domain x\n'],
    ['has only what was asked for without a network', { network: 'none', dns: { ...dns, options: ['x'] } }, 'options x\n'],
  ];
  for (const [name, changes, text, hostText = host] of rows) {
    test(name, () => assert.equal(resolverText(actionOf('', changes), hostText), text));
  }
});

test('resolverText() names what stands for servers that a private network cannot reach', () => {
  const text = 'nameserver 127.0.0.53\nnameserver 192.0.2.1\nsearch a.test\n';
  const standIns = new Map([['127.0.0.53', '169.254.1.1']]);
  const kept = 'nameserver 192.0.2.1\nsearch a.test\n';
  assert.equal(resolverText(actionOf('', { network: 'private' }), text, standIns), `nameserver 169.254.1.1\n${kept}`);
  const dns = { servers: ['127.0.0.53'], searches: [], options: [] };
  assert.equal(resolverText(actionOf('', { network: 'private', dns }), text, standIns), 'search a.test\nnameserver 127.0.0.53\n');
});

test('hostsText() gives this machine the address that it has in the network', () => {
  const action = actionOf('', { hosts: [{ name: 'here', address: 'host-gateway' }] });
  assert.match(hostsText(action), /^127\.0\.0\.1\there$/m);
  assert.match(hostsText(action, '192.0.2.1'), /^192\.0\.2\.1\there$/m);
});

test('hostsText() does not repeat localhost', () => {
  assert.equal(
    hostsText(actionOf('', { hostname: 'localhost' })),
    '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n',
  );
});

test('resourceLimits() are the same for everybody who has not less', () => {
  const shown = (hardLimits: readonly bigint[]): readonly string[] =>
    resourceLimits([], hardLimits).map(({ name, resource, soft, hard }) => `${resource} ${name} ${soft}:${hard}`);
  const usual = [
    '0 cpu max:max',
    '1 fsize max:max',
    '2 data max:max',
    '3 stack 8388608:max',
    '4 core 0:0',
    '5 rss max:max',
    '6 nproc max:max',
    '7 nofile 1024:524288',
    '8 memlock 8388608:8388608',
    '9 as max:max',
    '10 locks max:max',
    '11 sigpending max:max',
    '12 msgqueue 819200:819200',
    '13 nice 0:0',
    '14 rtprio 0:0',
    '15 rttime max:max',
  ].map((line) => line.replaceAll('max', `${2n ** 64n - 1n}`));
  assert.deepEqual(shown([]), usual);
  assert.deepEqual(
    shown(Array.from({ length: 16 }, () => 100n)),
    usual.map((line) => line.replaceAll(/(\d+)(?=:)|(?<=:)\d+/g, (amount) => (amount === '0' ? '0' : '100'))),
  );
});

test('resourceLimits() are those asked for', () => {
  const asked = [
    { name: 'core', soft: -1, hard: -1 },
    { name: 'nofile', soft: 5, hard: 6 },
  ];
  const limits = resourceLimits(asked, [100n, 100n, 100n, 100n, 100n]);
  assert.deepEqual(
    limits.filter(({ name }) => name === 'core' || name === 'nofile'),
    [
      { name: 'core', resource: 4, soft: 2n ** 64n - 1n, hard: 2n ** 64n - 1n },
      { name: 'nofile', resource: 7, soft: 5n, hard: 6n },
    ],
  );
});

test('readInterpreter() does not stumble over what is cut short', () => {
  const program = Buffer.alloc(64);
  program.write('\x7fELF\x02', 'latin1');
  program.writeUInt16LE(62, 18);
  program.writeUInt16LE(9, 56);
  program.writeBigUInt64LE(2n ** 63n, 32);
  const heads = [Buffer.alloc(0), Buffer.from('#!'), Buffer.from('#!  \n'), program, Buffer.from('\x7fELF', 'latin1')];
  assert.deepEqual(
    heads.map((head) => readInterpreter(head, 'x64').kind),
    ['unknown', 'unknown', 'unknown', 'none', 'unknown'],
  );
});
