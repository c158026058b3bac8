import assert from 'node:assert/strict';
import { test } from 'node:test';
import { elfKind } from '../../../../../executor/inside/run/emulation/elf.ts';
import { isUnspeakable, registrationOf } from '../../../../../executor/inside/run/emulation/registration.ts';
import { type SandboxFacts, sandboxTape } from '../../../../../executor/inside/run/sandbox-plan.ts';
import type { RunAction } from '../../../../../executor/protocol/actions.ts';
import { actionOf } from '../scenario.ts';

const kind = elfKind('arm64');
assert.ok(kind !== undefined);
const registration = registrationOf(kind, '/usr/bin/qemu-aarch64-static');

const facts: SandboxFacts = {
  root: '/r',
  places: { proc: '/r/proc', sys: '/r/sys', dev: '/r/dev' },
  proc: 'new',
  sys: 'bound',
  hostName: 'new',
  user: { uid: 0, gid: 0, groups: [], home: '/root' },
  canSetGroups: true,
  kernel: {
    architecture: 'x64',
    version: [6, 1],
    lastCapability: 40,
    maskedFiles: [],
    maskedDirectories: [],
    readOnly: ['/proc/sys'],
    sysMounts: [],
    hasUnifiedCgroups: false,
    hasOpenat2: true,
    hardLimits: [],
    hasScopes: false,
  },
  streams: [20, 21, 22],
};

function tapeOf(action: RunAction): ReturnType<typeof sandboxTape> {
  return sandboxTape(action, { ...facts, emulator: registration });
}

test('registrationOf() writes what binfmt_misc reads, whatever is in the path', () => {
  assert.equal(
    Buffer.from(registrationOf(kind, '/a:b c').bytes).toString('latin1').replaceAll('\x01', '|'),
    String.raw`|tsbuild|M|0|\x7f\x45\x4c\x46\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00` +
      String.raw`|\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff|/a:b c|OCPF`,
  );
  assert.deepEqual(['/a\x01b', `/${'x'.repeat(1800)}`, '/a:b c'].map(isUnspeakable), [true, true, false]);
});

for (const network of ['host', 'none'] as const) {
  test(`sandboxTape() registers an emulator once /proc is there, with the ${network === 'host' ? "host's" : 'no'} network`, () => {
    const tape = tapeOf(actionOf('true', { network }));
    const at = tape.findIndex(({ args }) => args[1] === '/r/proc/sys/fs/binfmt_misc');
    const emulator = '/usr/bin/qemu-aarch64-static';
    const opened = tape.slice(at - 2, at).map(({ args }) => args);
    // MS_BIND, and MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV.
    assert.deepEqual(opened, [
      [emulator, emulator, 0, 0x1000, 0],
      [0, emulator, 0, 0x1027, 0],
    ]);
    assert.equal(tape[at - 3]?.what, 'proc');
    assert.deepEqual(tape[at + 1]?.args.slice(0, 2), [-100, '/r/proc/sys/fs/binfmt_misc/register']);
    assert.deepEqual(tape[at + 2], {
      syscall: 'write',
      args: [{ kind: 'result', entry: at + 1 }, registration.bytes, registration.bytes.length],
      what: 'emulator',
      atLeast: registration.bytes.length,
    });
  });
}

test('sandboxTape() leaves the registration read-only for the command', () => {
  // A remount has no source.
  const remounts = tapeOf(actionOf('true')).map(({ args: [source, target] }) => (source === 0 ? target : undefined));
  assert.ok(remounts.indexOf('/r/proc/sys/fs/binfmt_misc') > remounts.lastIndexOf('/r/proc/sys'));
});

test('sandboxTape() mounts nothing for a command of this machine', () => {
  const tape = sandboxTape(actionOf('true'), facts);
  assert.equal(tape.filter(({ what }) => what === 'binfmt_misc').length, 0);
});
