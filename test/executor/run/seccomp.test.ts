import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sandboxCapabilities } from '../../../executor/inside/run/capabilities.ts';
import { type CallTable, callNumbers } from '../../../executor/inside/run/seccomp/call-table.ts';
import { compileFilter } from '../../../executor/inside/run/seccomp/compile.ts';
import { CAPABILITIES, type CapabilityName } from '../../../native/identity.ts';
import { requires } from '../../support/requires.ts';
import { ScenarioPlayer } from './scenario-player.ts';
import { tinyProgram } from './tiny-program.ts';

const ALLOW = 0x7fff_0000;
const KILL = 0x8000_0000;
const [EPERM, EINVAL, ENOSYS] = [1, 22, 38].map((errno) => 0x0005_0000 | errno);
const processors = [
  { architecture: 'x64', tables: { x64: 0xc000_003e, x86: 0x4000_0003 } },
  { architecture: 'arm64', tables: { arm64: 0xc000_00b7, arm: 0x4000_0028 } },
] as const;
const allCapabilities = Object.keys(CAPABILITIES).filter((name): name is CapabilityName => name in CAPABILITIES);

/** What a call comes to by the published profile, for the names that it does not simply allow. */
const special: Readonly<Record<string, number | undefined>> = {
  ...Object.fromEntries(
    'bpf fanotify_init lookup_dcookie perf_event_open quotactl setdomainname sethostname setns open_by_handle_at delete_module finit_module init_module query_module acct kcmp process_madvise ioperm iopl clock_settime clock_settime64 settimeofday stime vhangup'
      .split(' ')
      .map((name) => [name, EPERM]),
  ),
  ...Object.fromEntries(
    'bdflush cachestat io_pgetevents io_pgetevents_time64 kexec_file_load kexec_load map_shadow_stack migrate_pages move_pages nfsservctl nice oldfstat oldlstat oldolduname oldstat olduname pciconfig_iobase pciconfig_read pciconfig_write sgetmask ssetmask swapcontext swapoff swapon sysfs uselib userfaultfd ustat vm86 vm86old vmsplice'
      .split(' ')
      .map((name) => [name, EPERM]),
  ),
};

describe('compileFilter()', () => {
  for (const { architecture, tables } of processors) {
    const filter = compileFilter(architecture, sandboxCapabilities);

    for (const [table, token] of Object.entries(tables)) {
      test(`decides every call number of ${table}`, () => {
        const names = new Map([...callNumbers(toTable(table))].map(([name, number]) => [number, name]));
        for (let number = 0; number < 600; number++) {
          const name = names.get(number);
          if (name === 'socket' || name === 'personality') {
            continue;
          }
          const expected = name === undefined ? ENOSYS : (special[name] ?? ALLOW);
          assert.equal(play(filter, { number, token }), expected, `${number} ${name}`);
        }
      });
    }

    test(`decides personality() and socket() of ${architecture} by their arguments`, () => {
      const token = Object.values(tables)[0] ?? 0;
      const numbers = callNumbers(architecture);
      const decide = (name: string, ...args: readonly bigint[]): number =>
        play(filter, { number: numbers.get(name) ?? -1, token, args });
      const personalities = [0n, 8n, 0x20000n, 0x20008n, 0xffff_ffffn, 1n, 0x4_0000n];
      assert.deepEqual(
        personalities.map((value) => decide('personality', value)),
        [ALLOW, ALLOW, ALLOW, ALLOW, ALLOW, ENOSYS, ENOSYS],
      );
      // The kernel looks at 32 bits only, so what is above them must not help.
      const sockets = [
        [2n, 1n, 0n],
        [40n, 1n, 0n],
        [0xff_0000_0028n, 1n, 0n],
        [16n, 3n, 9n],
      ];
      assert.deepEqual(
        sockets.map((args) => decide('socket', ...args)),
        [ALLOW, EPERM, EPERM, ALLOW],
      );
    });

    test(`kills what comes another way into the kernel of ${architecture}`, () => {
      assert.equal(play(filter, { number: 0, token: 0x1234 }), KILL);
    });

    test(`is short enough for the kernel on ${architecture}`, () => {
      assert.ok(filter.length / 8 < 1024, `${filter.length / 8} instructions`);
    });
  }

  test('has no x32 calls', () => {
    const filter = compileFilter('x64', sandboxCapabilities);
    assert.equal(play(filter, { number: 0x4000_0001, token: 0xc000_003e }), ENOSYS);
  });

  test('depends on the capabilities', () => {
    const [none, all] = [compileFilter('x64', []), compileFilter('x64', allCapabilities)];
    assert.deepEqual([decideX64(none, 161), decideX64(all, 161)], [EPERM, ALLOW]);
    assert.deepEqual([decideX64(none, 308), decideX64(all, 308)], [EPERM, ALLOW]);
    assert.deepEqual([decideX64(none, 41, [16n, 3n, 9n]), decideX64(all, 41, [16n, 3n, 9n])], [EINVAL, ALLOW]);
  });
});

describe('the filter in a RUN', requires('user:subids'), () => {
  let player: ScenarioPlayer;
  before(() => {
    player = new ScenarioPlayer('subids');
  });
  after(() => player[Symbol.asyncDispose]());

  const numbers = callNumbers(process.arch === 'arm64' ? 'arm64' : 'x64');
  const rows: readonly (readonly [name: string, number: number | undefined, args: readonly number[], exitCode: number])[] = [
    ['userfaultfd', numbers.get('userfaultfd'), [0], 1],
    ['bpf', numbers.get('bpf'), [0], 1],
    ['setns', numbers.get('setns'), [0, 0], 1],
    ['personality(ADDR_NO_RANDOMIZE)', numbers.get('personality'), [0x40000], 38],
    ['socket(AF_VSOCK)', numbers.get('socket'), [40, 1, 0], 1],
    ['io_uring_setup', 425, [1, 0], 38],
    ['a call that does not exist', 600, [], 38],
    ['an x32 call', 0x4000_0001, [], 38],
    ['unshare(CLONE_NEWUSER)', numbers.get('unshare'), [0x10000000], 0],
  ];

  for (const [name, number, args, exitCode] of rows) {
    test(`answers ${name}`, async () => {
      assert.ok(number !== undefined);
      const bytes = tinyProgram(number, args).toString('base64');
      const { failure } = await player.play({ action: { argv: ['/tool'] }, layer: { tool: { bytes, mode: 0o755 } } });
      assert.deepEqual(failure, exitCode === 0 ? undefined : { kind: 'command-failed', exitCode });
    });
  }
});

function decideX64(filter: Uint8Array, number: number, args: readonly bigint[] = []): number {
  return play(filter, { number, token: 0xc000_003e, args });
}

function toTable(name: string): CallTable {
  const table = (['x64', 'x86', 'arm64', 'arm'] as const).find((known) => known === name);
  assert.ok(table !== undefined);
  return table;
}

/** Interprets a filter as the kernel would, and gives its verdict. */
function play(
  filter: Uint8Array,
  { number, token, args = [] }: { readonly number: number; readonly token: number; readonly args?: readonly bigint[] },
): number {
  const data = Buffer.alloc(64);
  data.writeInt32LE(number, 0);
  data.writeUInt32LE(token, 4);
  args.forEach((value, index) => data.writeBigUInt64LE(value, 16 + index * 8));
  const code = Buffer.from(filter);
  let accumulator = 0;
  for (let index = 0; index * 8 < code.length; index++) {
    const operand = code.readUInt32LE(index * 8 + 4);
    const jump = (isTaken: boolean): number => code.readUInt8(index * 8 + (isTaken ? 2 : 3));
    switch (code.readUInt16LE(index * 8)) {
      case 0x20:
        accumulator = data.readUInt32LE(operand);
        break;
      case 0x15:
        index += jump(accumulator === operand);
        break;
      case 0x35:
        index += jump(accumulator >= operand);
        break;
      case 0x05:
        index += operand;
        break;
      case 0x06:
        return operand;
      default:
        assert.fail(`unknown instruction at ${index}`);
    }
  }
  return assert.fail('the program does not end');
}
