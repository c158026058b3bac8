import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { sandboxCapabilities } from '../../../../../executor/inside/run/process/capabilities.ts';
import { type CallTable, callNumbers } from '../../../../../executor/inside/run/seccomp/call-table.ts';
import { compileFilter } from '../../../../../executor/inside/run/seccomp/compile.ts';
import type { KernelVersion } from '../../../../../executor/inside/run/seccomp/profile.ts';
import type { RunAction } from '../../../../../executor/protocol/actions.ts';
import { CAPABILITIES, type CapabilityName } from '../../../../../native/identity.ts';
import type { Architecture } from '../../../../../native/syscall-numbers.ts';
import { requires } from '../../../../support/requires.ts';
import { ScenarioPlayer } from '../scenario-player.ts';
import { tinyProgram } from '../tiny-program.ts';
import { callVerdicts, type Verdict } from './call-verdicts.ts';
import { playFilter } from './play-filter.ts';

const ALLOW = 0x7fff_0000;
const KILL = 0x8000_0000;
const EPERM = 0x0005_0001;
const ENOSYS = 0x0005_0026;
const tokens: Readonly<Record<CallTable, number>> = { x64: 0xc000_003e, x86: 0x4000_0003, arm64: 0xc000_00b7, arm: 0x4000_0028 };
const tablesOf: readonly (readonly [Architecture, readonly CallTable[]])[] = [
  ['x64', ['x64', 'x86']],
  ['arm64', ['arm64', 'arm']],
];
const allCapabilities = Object.keys(CAPABILITIES).filter((name): name is CapabilityName => name in CAPABILITIES);
const verdicts = callVerdicts();
const verdictOf: Readonly<Record<Verdict, number | undefined>> = { allowed: ALLOW, EPERM, ENOSYS, arguments: undefined };

interface Call {
  readonly table?: CallTable;
  readonly name: string;
  readonly args?: readonly bigint[];
  readonly capabilities?: readonly CapabilityName[];
  readonly kernel?: KernelVersion;
}

/** What the filter makes of a call. */
function decide({ table = 'x64', name, args = [], capabilities = sandboxCapabilities, kernel = [6, 1] }: Call): number {
  const architecture = table === 'x64' || table === 'x86' ? 'x64' : 'arm64';
  const number = callNumbers(table).get(name);
  assert.ok(number !== undefined, `${table} has no ${name}`);
  return playFilter(compileFilter({ architecture, capabilities, kernel }), { number, token: tokens[table], args });
}

describe('compileFilter()', () => {
  test('decides every call of x86-64 as docker does', () => {
    const filter = compileFilter({ architecture: 'x64', capabilities: sandboxCapabilities, kernel: [6, 1] });
    const known = new Map(verdicts.map((call) => [call.number, call]));
    for (let number = 0; number < 600; number++) {
      const call = known.get(number);
      // Docker's profile has EPERM for numbers that no call has, too.
      const expected = call === undefined ? (number > 466 ? ENOSYS : EPERM) : verdictOf[call.verdict];
      if (expected === undefined) continue;
      assert.equal(playFilter(filter, { number, token: tokens.x64 }), expected, `${number} ${call?.name}`);
    }
  });

  test('decides a call of one name alike on every way into the kernel', () => {
    const calls = verdicts.filter(({ verdict }) => verdict !== 'arguments');
    for (const table of ['x86', 'arm64', 'arm'] as const) {
      const there = callNumbers(table);
      // These belong to x86 alone, by number or by rule.
      const own = new Set(table === 'x86' ? [] : ['arch_prctl', 'modify_ldt']);
      for (const { name, verdict } of calls.filter((call) => there.has(call.name) && !own.has(call.name))) {
        assert.equal(decide({ table, name }), verdictOf[verdict], `${table} ${name}`);
      }
    }
  });

  test('decides the calls of 32-bit programs that x86-64 does not have', () => {
    const refused =
      'bdflush nice oldfstat oldlstat oldstat oldolduname olduname readdir sgetmask sigaction signal ssetmask stime umount vm86 vm86old';
    const more = ['sigpending', 'sigsuspend', 'clock_settime64'];
    const names = new Set([...refused.split(' '), ...more]);
    const known = new Set(verdicts.map(({ name }) => name));
    for (const [name] of callNumbers('x86')) {
      if (!known.has(name)) assert.equal(decide({ table: 'x86', name }), names.has(name) ? EPERM : ALLOW, name);
    }
  });

  test('allows what belongs to a processor only there', () => {
    const arm = 'arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls'.split(' ');
    for (const name of arm) assert.equal(decide({ table: 'arm', name }), ALLOW, name);
    for (const name of ['arch_prctl', 'modify_ldt', 'uretprobe']) assert.equal(decide({ name }), ALLOW, name);
  });

  for (const table of ['x64', 'x86', 'arm64', 'arm'] as const) {
    test(`decides by arguments on ${table}`, () => {
      const families = Array.from({ length: 256 }, (_, family) => family);
      const open = families.filter((family) => decide({ table, name: 'socket', args: [BigInt(family), 1n, 0n] }) === ALLOW);
      const closed = new Set([12, 19, 20, 23, 25, 34, 37, 38, 40]);
      assert.deepEqual(
        open,
        families.filter((family) => family < 46 && !closed.has(family)),
      );
      // The kernel looks at 32 bits only, so what is above them must not help.
      assert.equal(decide({ table, name: 'socket', args: [0xff_0000_0028n, 1n, 0n] }), EPERM);
      const personalities = [0n, 8n, 0x2_0000n, 0x2_0008n, 0xffff_ffffn, 1n, 0x4_0000n, 0x2_0001n];
      assert.deepEqual(
        personalities.map((value) => decide({ table, name: 'personality', args: [value] })),
        [ALLOW, ALLOW, ALLOW, ALLOW, ALLOW, EPERM, EPERM, EPERM],
      );
      // A thread, a process, vfork(); then each kind of namespace.
      const flags = [0x3d_0f00n, 0x120_0011n, 0x4111n];
      assert.deepEqual(
        flags.map((value) => decide({ table, name: 'clone', args: [value] })),
        [ALLOW, ALLOW, ALLOW],
      );
      for (const flag of [0x2_0000n, 0x200_0000n, 0x400_0000n, 0x800_0000n, 0x1000_0000n, 0x2000_0000n, 0x4000_0000n]) {
        assert.equal(decide({ table, name: 'clone', args: [flag | 17n] }), EPERM, flag.toString(16));
      }
    });
  }

  for (const [architecture, tables] of tablesOf) {
    const filter = compileFilter({ architecture, capabilities: sandboxCapabilities, kernel: [6, 1] });

    test(`kills what comes another way into the kernel of ${architecture}`, () => {
      assert.equal(playFilter(filter, { number: 0, token: 0x1234 }), KILL);
    });

    test(`is short enough for the kernel on ${architecture}`, () => {
      assert.ok(filter.length / 8 < 1024, `${filter.length / 8} instructions`);
    });

    test(`has no calls on ${architecture} that are newer than the rules`, () => {
      for (const table of tables) {
        const number = table === 'arm' ? 0xf_0006 : 467;
        assert.equal(playFilter(filter, { number, token: tokens[table] }), ENOSYS, table);
      }
    });
  }

  test('has no x32 calls', () => {
    const filter = compileFilter({ architecture: 'x64', capabilities: sandboxCapabilities, kernel: [6, 1] });
    assert.equal(playFilter(filter, { number: 0x4000_0001, token: tokens.x64 }), ENOSYS);
  });

  /** Calls that a capability opens; without it they are closed. */
  const opened: readonly (readonly [CapabilityName, string])[] = [
    ['CAP_BPF', 'bpf'],
    ['CAP_DAC_READ_SEARCH', 'open_by_handle_at'],
    ['CAP_PERFMON', 'perf_event_open'],
    [
      'CAP_SYS_ADMIN',
      'bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog umount2 unshare',
    ],
    ['CAP_SYS_BOOT', 'reboot'],
    ['CAP_SYS_CHROOT', 'chroot'],
    ['CAP_SYS_MODULE', 'delete_module finit_module init_module'],
    ['CAP_SYS_NICE', 'get_mempolicy mbind set_mempolicy set_mempolicy_home_node'],
    ['CAP_SYS_PACCT', 'acct'],
    ['CAP_SYS_PTRACE', 'kcmp pidfd_getfd process_madvise'],
    ['CAP_SYS_RAWIO', 'ioperm iopl'],
    ['CAP_SYS_TIME', 'clock_settime settimeofday'],
    ['CAP_SYS_TTY_CONFIG', 'vhangup'],
    ['CAP_SYSLOG', 'syslog'],
  ];

  for (const [capability, names] of opened) {
    test(`opens for ${capability} what docker's profile opens`, () => {
      // With all of its bits a clone() asks for namespaces.
      const call = (name: string, capabilities: readonly CapabilityName[]): number =>
        decide({ name, capabilities, args: [0x7fff_ffffn] });
      const changed = verdicts.filter(({ name, verdict }) => {
        return callNumbers('x64').has(name) && verdict !== 'allowed' && call(name, [capability]) !== call(name, []);
      });
      const expected = names.split(' ').toSorted();
      // Among the calls that are open to docker's 14 capabilities.
      const usual = capability === 'CAP_SYS_CHROOT' ? ['chroot'] : [];
      assert.deepEqual([...changed.map(({ name }) => name), ...usual].toSorted(), expected);
      for (const name of expected) assert.equal(call(name, [capability]), ALLOW, name);
    });
  }

  test('opens nothing else for any capability', () => {
    const all = verdicts.filter(({ name, verdict }) => {
      return verdict === 'EPERM' && callNumbers('x64').has(name) && decide({ name, capabilities: allCapabilities }) !== ALLOW;
    });
    assert.deepEqual(
      all.map(({ name }) => name),
      [
        'uselib',
        'ustat',
        'sysfs',
        'pivot_root',
        'swapon',
        'swapoff',
        'query_module',
        'nfsservctl',
        'kexec_load',
        'keyctl',
        'migrate_pages',
        'move_pages',
        'kexec_file_load',
        'userfaultfd',
      ],
    );
  });

  test('lets a command trace another one where that cannot lead past the filter', () => {
    for (const name of ['ptrace', 'process_vm_readv', 'process_vm_writev']) {
      const kernels: readonly KernelVersion[] = [
        [3, 19],
        [4, 7],
        [4, 8],
        [5, 0],
      ];
      assert.deepEqual(
        kernels.map((kernel) => decide({ name, kernel })),
        [EPERM, EPERM, ALLOW, ALLOW],
      );
      assert.equal(decide({ name, kernel: [4, 7], capabilities: ['CAP_SYS_PTRACE'] }), ALLOW);
    }
  });
});

for (const user of ['subids', 'single', 'root'] as const) {
  describe(`the filter in a RUN of ${user}`, requires(user === 'root' ? 'root' : `user:${user}`), () => {
    let player: ScenarioPlayer;
    before(() => {
      player = new ScenarioPlayer(user);
    });
    after(() => player[Symbol.asyncDispose]());

    const numbers = callNumbers(process.arch === 'arm64' ? 'arm64' : 'x64');
    const rows: readonly (readonly [name: string, number: number | undefined, args: readonly number[], errno: number])[] = [
      ['unshare(CLONE_NEWUSER)', numbers.get('unshare'), [0x1000_0000], 1],
      ['clone(CLONE_NEWUSER)', numbers.get('clone'), [0x1000_0011], 1],
      ['clone3', numbers.get('clone3'), [0, 0], 38],
      ['setns', numbers.get('setns'), [0, 0], 1],
      ['personality(ADDR_NO_RANDOMIZE)', numbers.get('personality'), [0x40000], 1],
      ['socket(AF_ALG)', numbers.get('socket'), [38, 5, 0], 1],
      ['socket(AF_VSOCK)', numbers.get('socket'), [40, 1, 0], 1],
      ['keyctl', numbers.get('keyctl'), [0, -1, 0], 1],
      ['io_uring_setup', 425, [1, 0], 1],
      ['a call that is newer than the rules', 600, [], 38],
      ['an x32 call', 0x4000_0001, [], 38],
    ];

    for (const [name, number, args, exitCode] of rows) {
      test(`answers ${name}`, async () => {
        assert.ok(number !== undefined);
        const bytes = tinyProgram(number, args).toString('base64');
        const { failure } = await player.play({ action: { argv: ['/tool'] }, layer: { tool: { bytes, mode: 0o755 } } });
        assert.deepEqual(failure, { kind: 'command-failed', exitCode });
      });
    }

    test('is the same for every call that the machine has', requires('tool:perl'), async () => {
      const { stdout, stderr, failure } = await player.play({ action: { argv: ['perl', '-e', survey], mounts: perlMounts() } });
      assert.deepEqual([stderr, failure], ['', undefined]);
      const answers = new Map(
        stdout
          .split('\n')
          .map((line) => line.split(' ').map(Number))
          .map(([number, errno]) => [number, errno]),
      );
      const known = verdicts.filter(({ name, number }) => process.arch === 'x64' || callNumbers('arm64').get(name) === number);
      for (const { number, name, verdict } of known) {
        const errno = answers.get(number);
        if (verdict === 'EPERM') assert.equal(errno, 1, name);
        if (verdict === 'ENOSYS') assert.equal(errno, 38, name);
        if (verdict === 'allowed' && !ownRefusals.has(name)) assert.notEqual(errno, 1, name);
      }
    });
  });
}

/** Makes every call with arguments that the kernel itself refuses, each in a process of its own: some never return. */
const survey = `
  $| = 1;
  for my $number (0 .. 500) {
    my $child = fork;
    if ($child == 0) { alarm 1; exit(syscall($number, (-1) x 6) == -1 ? $! + 0 : 0) }
    waitpid $child, 0;
    print "$number ", ($? & 127 ? -1 : $? >> 8), "\n";
  }
`;

/** Calls that are open, but for which the kernel has an EPERM of its own. */
const ownRefusals = new Set(['landlock_restrict_self', 'setgroups']);

/** The machine's own Perl, which test images do not have. */
function perlMounts(): RunAction['mounts'] {
  const folders = ['/usr', '/lib', '/lib64'].filter((folder) => existsSync(folder));
  return folders.map((folder) => ({ kind: 'volume', source: folder, target: folder, isReadOnly: true }));
}
