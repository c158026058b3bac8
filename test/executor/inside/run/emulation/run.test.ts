import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { elfKind, idleProgram } from '../../../../../executor/inside/run/emulation/elf.ts';
import type { Emulation } from '../../../../../executor/protocol/actions.ts';
import { ownEmulators, programPath } from '../../../../support/emulation.ts';
import { ScenarioPlayer } from '../scenario-player.ts';
import { tinyProgram } from '../tiny-program.ts';

const emulators: Readonly<Record<string, string>> = {
  '386': 'qemu-i386-static',
  arm64: 'qemu-aarch64-static',
  arm: 'qemu-arm-static',
  riscv64: 'qemu-riscv64-static',
  s390x: 'qemu-s390x-static',
  ppc64le: 'qemu-ppc64le-static',
  mips64le: 'qemu-mips64el-static',
};
const needs = ownEmulators('user:subids', ...Object.values(emulators).map((name) => `tool:${name}` as const));

function emulationOf(architecture: string): Emulation {
  return { platform: { os: 'linux', architecture }, emulator: programPath(emulators[architecture] ?? ''), isChosen: true };
}

describe('runAction()', needs, () => {
  let player: ScenarioPlayer;
  before(() => {
    player = new ScenarioPlayer('subids');
  });
  after(() => player[Symbol.asyncDispose]());

  for (const architecture of Object.keys(emulators)) {
    test(`emulates ${architecture} below the system call filter`, async () => {
      const kind = elfKind(architecture);
      assert.ok(kind !== undefined);
      const program = { bytes: Buffer.from(idleProgram(kind)).toString('base64'), mode: 0o755 };
      const action = { argv: ['/program'], emulation: emulationOf(architecture), network: 'none' } as const;
      const { failure, stderr, layer } = await player.play({ layer: { program }, action });
      assert.deepEqual({ failure, stderr, layer: layer.slice(1) }, { failure: undefined, stderr: '', layer: [] });
    });
  }

  for (const [mode, exitCode] of [
    [0o755, 1000 & 0xff],
    [0o4755, 0],
  ] as const) {
    test(`emulates a program of the mode ${mode.toString(8)} with the rights that it gives`, async () => {
      const geteuid = 175;
      const program = { bytes: tinyProgram(geteuid, [], 'arm64').toString('base64'), mode };
      const action = { argv: ['/program'], user: '1000', emulation: emulationOf('arm64') };
      const { failure } = await player.play({ layer: { program }, action });
      const expected = exitCode === 0 ? undefined : { kind: 'command-failed', exitCode, signal: undefined };
      assert.deepEqual(failure && { ...failure, signal: undefined }, expected);
    });
  }

  test('leaves a program of this machine as it is', async () => {
    const { stdout } = await player.play({ shell: 'echo here', action: { emulation: emulationOf('arm') } });
    assert.equal(stdout, 'here\n');
  });
});
