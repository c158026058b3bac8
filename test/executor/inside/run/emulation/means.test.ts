import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Emulation } from '../../../../../executor/protocol/actions.ts';
import { ownEmulators, programPath } from '../../../../support/emulation.ts';
import type { UserKind } from '../../../../support/users.ts';
import { LineWorker } from '../line-worker.ts';
import type { Question } from './question.ts';

// riscv64 is foreign wherever these tests run.
const architecture = 'riscv64';
const needs = ownEmulators('tool:qemu-riscv64-static', 'tool:qemu-s390x-static', 'user:subids', 'user:single');
const qemu = programPath('qemu-riscv64-static');
const other = programPath('qemu-s390x-static');
const platform = { os: 'linux', architecture };

async function ask(question: Question, user: UserKind = 'subids'): Promise<unknown> {
  await using worker = new LineWorker(new URL('./means-worker.js', import.meta.url), user);
  return JSON.parse(await worker.ask(question));
}

const rows: readonly [name: string, question: Question, kind: string, hint?: RegExp][] = [
  ['takes the emulator of PATH', { emulation: { platform, emulator: qemu, isChosen: false } }, 'own'],
  [
    'prefers the emulator that the machine has registered',
    { emulation: { platform, emulator: qemu, isChosen: false }, machineHas: { architecture, emulator: qemu, flags: 'OCPF' } },
    'given',
  ],
  [
    'takes the emulator that was chosen before that of the machine',
    { emulation: { platform, emulator: qemu, isChosen: true }, machineHas: { architecture, emulator: qemu, flags: 'OCPF' } },
    'own',
  ],
  [
    'sees that the emulator of the machine is not reachable in an image, and takes its own',
    { emulation: { platform, emulator: qemu, isChosen: false }, machineHas: { architecture, emulator: qemu, flags: 'OCP' } },
    'own',
  ],
  [
    'tells that the emulator of the machine lacks the flag F',
    { emulation: { platform, emulator: undefined, isChosen: false }, machineHas: { architecture, emulator: qemu, flags: 'OCP' } },
    'missing',
    /^The emulator that this machine has registered for riscv64 .* has not the flag F\. No emulator/,
  ],
  [
    'tells that there is none',
    { emulation: { platform, emulator: undefined, isChosen: false } },
    'missing',
    /^No emulator for riscv64 is registered .* install the package qemu-user-static, .* --emulator riscv64=PATH$/,
  ],
  [
    'tells that an emulator is for something else',
    { emulation: { platform, emulator: other, isChosen: true } },
    'missing',
    /qemu-s390x-static does not run programs for riscv64: /,
  ],
  [
    'tells that an emulator is not static',
    { emulation: { platform, emulator: '/bin/ls', isChosen: true } },
    'missing',
    /^The emulator \/bin\/ls is not static: /,
  ],
  [
    'tells that a file is no program',
    { emulation: { platform, emulator: '/etc/passwd', isChosen: true } },
    'missing',
    /cannot be used: EACCES$/,
  ],
  [
    'tells that a path is too long',
    { emulation: { platform, emulator: `/${'x'.repeat(1800)}`, isChosen: true } },
    'missing',
    /too long/,
  ],
  [
    'knows processors that it cannot tell from others',
    { emulation: { platform: { os: 'linux', architecture: 'sparc64' }, emulator: qemu, isChosen: true } },
    'missing',
    /^Programs for sparc64 can only be run on such a machine$/,
  ],
];

for (const [name, question, kind, hint = /^$/] of rows) {
  test(`emulationMeans() ${name}`, needs, async () => {
    const answer = await ask(question);
    const means: { kind?: string; hint?: string } = Object(answer);
    assert.equal(means.kind, kind, JSON.stringify(answer));
    assert.match(means.hint ?? '', hint);
  });
}

test('emulationMeans() works for a user with one id', needs, async () => {
  assert.deepEqual(await ask({ emulation: { platform, emulator: qemu, isChosen: false } }, 'single'), { kind: 'own' });
});

test('emulationMeans() finds that the processor runs its 32-bit programs itself', needs, async () => {
  const emulation: Emulation = { platform: { os: 'linux', architecture: '386' }, emulator: undefined, isChosen: false };
  const { kind }: { kind: string } = Object(await ask({ emulation }));
  assert.equal(kind, process.arch === 'x64' ? 'given' : 'missing');
});

test('emulationMeans() refuses other systems', needs, async () => {
  const emulation: Emulation = { platform: { os: 'windows', architecture: 'amd64' }, emulator: undefined, isChosen: false };
  assert.deepEqual(await ask({ emulation }), { error: 'Cannot run commands of windows: only those of Linux can be run' });
});
