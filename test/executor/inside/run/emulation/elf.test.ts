import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { elfKind, elfPattern, idleProgram } from '../../../../../executor/inside/run/emulation/elf.ts';
import { requires } from '../../../../support/requires.ts';

const emulators: Readonly<Record<string, string>> = {
  amd64: 'qemu-x86_64-static',
  '386': 'qemu-i386-static',
  arm64: 'qemu-aarch64-static',
  arm: 'qemu-arm-static',
  riscv64: 'qemu-riscv64-static',
  s390x: 'qemu-s390x-static',
  ppc64le: 'qemu-ppc64le-static',
  mipsle: 'qemu-mipsel-static',
  mips64le: 'qemu-mips64el-static',
  loong64: 'qemu-loongarch64-static',
};

for (const [architecture, emulator] of Object.entries(emulators)) {
  test(`idleProgram() makes a program for ${architecture} that ends well`, requires(`tool:${emulator}`), () => {
    const kind = elfKind(architecture);
    assert.ok(kind !== undefined);
    const folder = mkdtempSync(path.join(tmpdir(), 'tsbuild-elf-'));
    try {
      const program = path.join(folder, 'program');
      writeFileSync(program, idleProgram(kind), { mode: 0o755 });
      const { status, stderr } = spawnSync(emulator, [program], { encoding: 'utf8' });
      assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

// As binfmts of Debian's qemu-user have them.
const patterns: readonly [architecture: string, magic: string, mask: string][] = [
  ['arm64', '7f454c460201010000000000000000000200b700', 'ffffffffffffff00fffffffffffffffffeffffff'],
  ['arm', '7f454c4601010100000000000000000002002800', 'ffffffffffffff00fffffffffffffffffeffffff'],
  ['riscv64', '7f454c460201010000000000000000000200f300', 'ffffffffffffff00fffffffffffffffffeffffff'],
  ['s390x', '7f454c4602020100000000000000000000020016', 'ffffffffffffff00fffffffffffffffffffeffff'],
];

for (const [architecture, magic, mask] of patterns) {
  test(`elfPattern() tells programs for ${architecture} from others`, () => {
    const kind = elfKind(architecture);
    assert.ok(kind !== undefined);
    const pattern = elfPattern(kind);
    const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
    assert.deepEqual([hex(pattern.magic), hex(pattern.mask)], [magic, mask]);
  });
}

test('elfKind() knows no other processors', () => {
  assert.deepEqual([elfKind('sparc64'), elfKind('constructor')], [undefined, undefined]);
});
