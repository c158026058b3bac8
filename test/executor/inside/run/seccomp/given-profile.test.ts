import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { readSeccompProfile } from '../../../../../builder/sandbox/seccomp-profile.ts';
import { sandboxCapabilities } from '../../../../../executor/inside/run/process/capabilities.ts';
import { callNumbers } from '../../../../../executor/inside/run/seccomp/call-table.ts';
import { compileProfile } from '../../../../../executor/inside/run/seccomp/compile.ts';
import { furtherNumbers } from '../../../../../executor/inside/run/seccomp/given-profile.ts';
import type { KernelVersion } from '../../../../../executor/inside/run/seccomp/profile.ts';
import type { CapabilityName } from '../../../../../native/identity.ts';
import { requires } from '../../../../support/requires.ts';
import { playFilter } from './play-filter.ts';

const ALLOW = 0x7fff_0000;
const KILL = 0x8000_0000;
const EPERM = 0x0005_0001;
const x64 = 0xc000_003e;

interface Asked {
  readonly capabilities?: readonly CapabilityName[];
  readonly kernel?: KernelVersion;
}

function filterOf(document: object, { capabilities = sandboxCapabilities, kernel = [6, 1] }: Asked = {}): Uint8Array {
  return compileProfile(readSeccompProfile(JSON.stringify(document)), { architecture: 'x64', capabilities, kernel });
}

function numberOf(name: string): number {
  const number = new Map([...callNumbers('x64'), ...furtherNumbers('x64')]).get(name);
  assert.ok(number !== undefined, name);
  return number;
}

function decide(filter: Uint8Array, name: string, ...args: readonly bigint[]): number {
  return playFilter(filter, { number: numberOf(name), token: x64, args });
}

/** Denies what its rules say, and allows the rest. */
function allowingBut(...syscalls: readonly object[]): object {
  return { defaultAction: 'SCMP_ACT_ALLOW', syscalls };
}

const actions: readonly (readonly [rule: object, verdict: number])[] = [
  [{ action: 'SCMP_ACT_ERRNO' }, EPERM],
  [{ action: 'SCMP_ACT_ERRNO', errnoRet: 38 }, 0x0005_0026],
  [{ action: 'SCMP_ACT_ERRNO', errno: 'EINVAL' }, 0x0005_0016],
  [{ action: 'SCMP_ACT_ERRNO', errno: 'EPERM', errnoRet: 13 }, 0x0005_000d],
  [{ action: 'SCMP_ACT_KILL' }, 0],
  [{ action: 'SCMP_ACT_KILL_THREAD' }, 0],
  [{ action: 'SCMP_ACT_KILL_PROCESS' }, KILL],
  [{ action: 'SCMP_ACT_TRAP' }, 0x0003_0000],
  [{ action: 'SCMP_ACT_LOG' }, 0x7ffc_0000],
];

const comparisons: readonly (readonly [test: object, holding: readonly bigint[], failing: readonly bigint[]])[] = [
  [{ op: 'SCMP_CMP_EQ', value: 5 }, [5n], [4n, 6n, 0x1_0000_0005n]],
  [{ op: 'SCMP_CMP_NE', value: 5 }, [4n, 6n, 0x1_0000_0005n], [5n]],
  [{ op: 'SCMP_CMP_LT', value: 5 }, [0n, 4n], [5n, 6n, 0x1_0000_0000n]],
  [{ op: 'SCMP_CMP_LE', value: 5 }, [0n, 5n], [6n, 0x1_0000_0000n]],
  [{ op: 'SCMP_CMP_GE', value: 5 }, [5n, 6n, 0x1_0000_0000n], [0n, 4n]],
  [{ op: 'SCMP_CMP_GT', value: 5 }, [6n, 0x1_0000_0005n], [0n, 5n]],
  [{ op: 'SCMP_CMP_GT', value: 0xffff_ffff }, [0x1_0000_0000n], [0xffff_ffffn]],
  [{ op: 'SCMP_CMP_MASKED_EQ', value: 0xf0, valueTwo: 0x10 }, [0x10n, 0xff1fn], [0x20n, 0n]],
  [{ op: 'SCMP_CMP_MASKED_EQ', value: 2 ** 40, valueTwo: 0 }, [0n, 0xffff_ffffn], [1n << 40n, (1n << 40n) | 7n]],
];

describe('compileProfile()', () => {
  for (const [rule, verdict] of actions) {
    test(`knows ${JSON.stringify(rule)}`, () => {
      const filter = filterOf(allowingBut({ names: ['mkdir'], ...rule }));
      assert.deepEqual([decide(filter, 'mkdir'), decide(filter, 'mkdirat')], [verdict, ALLOW]);
    });
  }

  for (const [args, holding, failing] of comparisons) {
    test(`compares 64 bits by ${JSON.stringify(args)}`, () => {
      const filter = filterOf(allowingBut({ names: ['close'], action: 'SCMP_ACT_ERRNO', args: [{ index: 0, ...args }] }));
      for (const value of holding) assert.equal(decide(filter, 'close', value), EPERM, String(value));
      for (const value of failing) assert.equal(decide(filter, 'close', value), ALLOW, String(value));
    });
  }

  test('keeps numbers that have more than 53 bits', () => {
    const text = `{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["close"], "action": "SCMP_ACT_ERRNO",
      "args": [{"index": 0, "op": "SCMP_CMP_EQ", "value": 18446744073709551615}]}]}`;
    const profile = readSeccompProfile(text);
    const filter = compileProfile(profile, { architecture: 'x64', capabilities: [], kernel: [6, 1] });
    assert.equal(decide(filter, 'close', 2n ** 64n - 1n), EPERM);
    assert.equal(decide(filter, 'close', 2n ** 64n - 2n), ALLOW);
    assert.equal(profile.rules[0]?.tests[0]?.value, '18446744073709551615');
  });

  test('wants all tests of a rule, or one of them where several are of one argument', () => {
    const both = [
      { index: 0, op: 'SCMP_CMP_EQ', value: 1 },
      { index: 1, op: 'SCMP_CMP_EQ', value: 2 },
    ];
    const either = both.map((one) => ({ ...one, index: 0 }));
    const all = filterOf(allowingBut({ names: ['socket'], action: 'SCMP_ACT_ERRNO', args: both }));
    assert.deepEqual(
      [decide(all, 'socket', 1n, 2n), decide(all, 'socket', 1n, 3n), decide(all, 'socket', 0n, 2n)],
      [EPERM, ALLOW, ALLOW],
    );
    const one = filterOf(allowingBut({ names: ['socket'], action: 'SCMP_ACT_ERRNO', args: either }));
    assert.deepEqual([decide(one, 'socket', 1n), decide(one, 'socket', 2n), decide(one, 'socket', 3n)], [EPERM, EPERM, ALLOW]);
  });

  test('takes the first of several rules whose tests hold, or the first without tests, as libseccomp does', () => {
    const rule = (errnoRet: number, value?: number): object => ({
      names: ['close'],
      action: 'SCMP_ACT_ERRNO',
      errnoRet,
      ...(value !== undefined && { args: [{ index: 0, op: 'SCMP_CMP_GE', value }] }),
    });
    const filter = filterOf(allowingBut(rule(2, 10), rule(3, 5)));
    assert.deepEqual(
      [12n, 7n, 1n].map((value) => decide(filter, 'close', value)),
      [0x0005_0002, 0x0005_0003, ALLOW],
    );
    const whole = filterOf(allowingBut(rule(2, 10), rule(4)));
    assert.deepEqual(
      [12n, 1n].map((value) => decide(whole, 'close', value)),
      [0x0005_0004, 0x0005_0004],
    );
    const first = filterOf(allowingBut(rule(4), rule(5)));
    assert.equal(decide(first, 'close'), 0x0005_0004);
  });

  test('counts a rule where capabilities, processor and kernel are those that it is for', () => {
    const rule = (condition: object): object => allowingBut({ name: 'mkdir', action: 'SCMP_ACT_ERRNO', ...condition });
    const counts = (condition: object, asked: Asked = {}): boolean => decide(filterOf(rule(condition), asked), 'mkdir') === EPERM;
    assert.deepEqual(
      [
        counts({ includes: { caps: ['CAP_CHOWN'] } }),
        counts({ includes: { caps: ['CAP_CHOWN', 'CAP_SYS_ADMIN'] } }),
        counts({ includes: { caps: ['CAP_SYS_ADMIN'] } }, { capabilities: ['CAP_SYS_ADMIN'] }),
        counts({ excludes: { caps: ['CAP_CHOWN', 'CAP_SYS_ADMIN'] } }),
        counts({ excludes: { caps: ['CAP_SYS_ADMIN'] } }),
        counts({ includes: { arches: ['amd64', 'x32'] } }),
        counts({ includes: { arches: ['arm64'] } }),
        counts({ excludes: { arches: ['amd64'] } }),
        counts({ includes: { minKernel: '4.8' } }),
        counts({ includes: { minKernel: '4.8' } }, { kernel: [4, 7] }),
        counts({ excludes: { minKernel: '4.8' } }),
      ],
      [true, false, true, false, true, true, false, false, true, false, false],
    );
  });

  test('ends calls of the 32-bit mode, unless the profile is for it too', () => {
    const x86 = 0x4000_0003;
    const mkdir = callNumbers('x86').get('mkdir') ?? 0;
    const rule = { names: ['mkdir'], action: 'SCMP_ACT_ERRNO' };
    assert.equal(playFilter(filterOf(allowingBut(rule)), { number: mkdir, token: x86 }), KILL);
    const archMap = [{ architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'] }];
    for (const document of [{ archMap }, { architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'] }]) {
      const filter = filterOf({ ...allowingBut(rule), ...document });
      assert.equal(playFilter(filter, { number: mkdir, token: x86 }), EPERM);
    }
  });

  test('decides calls that docker has no rule for, and those that have no number yet', () => {
    const filter = filterOf({
      defaultAction: 'SCMP_ACT_ERRNO',
      defaultErrnoRet: 38,
      syscalls: [{ names: ['io_uring_setup', 'no_such_call'], action: 'SCMP_ACT_ALLOW' }],
    });
    assert.equal(decide(filter, 'io_uring_setup'), ALLOW);
    assert.equal(decide(filter, 'io_uring_enter'), 0x0005_0026);
    assert.equal(playFilter(filter, { number: 2000, token: x64 }), 0x0005_0026);
  });

  const containers = '/usr/share/containers/seccomp.json';
  test("decides all calls as podman's own profile says", requires('tool:podman'), () => {
    const text = readFileSync(containers, 'utf8');
    const document: ContainersProfile = JSON.parse(text);
    const filter = compileProfile(readSeccompProfile(text), {
      architecture: 'x64',
      capabilities: sandboxCapabilities,
      kernel: [6, 1],
    });
    const usual = 0x0005_0000 | document.defaultErrnoRet;
    for (const [name, number] of callNumbers('x64')) {
      const rules = document.syscalls.filter((rule) => rule.names.includes(name) && isFor(rule));
      if (rules.some(({ args }) => (args ?? []).length > 0)) continue;
      const [rule] = rules;
      const expected = rule === undefined ? usual : rule.action === 'SCMP_ACT_ALLOW' ? ALLOW : 0x0005_0000 | (rule.errnoRet ?? 1);
      assert.equal(playFilter(filter, { number, token: x64 }), expected, name);
    }
    assert.deepEqual(
      [16n, 1n].map((family) => decide(filter, 'socket', family, 3n, 9n)),
      [ALLOW, ALLOW],
    );
    assert.deepEqual(
      [8n, 9n].map((value) => decide(filter, 'personality', value)),
      [ALLOW, usual],
    );
  });
});

/** What the judge reads of a profile, by its own reading. */
interface ContainersProfile {
  readonly defaultErrnoRet: number;
  readonly syscalls: readonly {
    readonly names: readonly string[];
    readonly action: string;
    readonly errnoRet?: number;
    readonly args?: readonly object[] | null;
    readonly includes?: { readonly caps?: readonly string[]; readonly arches?: readonly string[] };
    readonly excludes?: { readonly caps?: readonly string[]; readonly arches?: readonly string[] };
  }[];
}

function isFor({ includes = {}, excludes = {} }: ContainersProfile['syscalls'][number]): boolean {
  const kept = (name: string): boolean => sandboxCapabilities.some((known) => known === name);
  const isHere = includes.arches === undefined || includes.arches.includes('amd64');
  return isHere && (includes.caps ?? []).every(kept) && !(excludes.caps ?? []).some(kept);
}
