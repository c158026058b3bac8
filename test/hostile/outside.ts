import { chmodSync, copyFileSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tinyProgram } from '../executor/inside/run/tiny-program.ts';

/** What a build must not reach: a folder of the machine in which everybody may read, write and run everything. */
export interface Outside extends Disposable {
  readonly path: string;
  /** The way there from any folder. */
  readonly climb: string;
  /** What is in it; `loot` is what it was made with. */
  readonly names: readonly string[];
}

export const loot: readonly string[] = ['busybox', 'interpreter', 'secret'];
/** What the secret says, and what the tool prints. */
export const secret = 'TOPSECRET-KEY';
export const ran = 'THE-HOST-RUNS';
/** How the interpreter ends. */
export const interpreterExit = 77;

/** Makes such a folder.. */
export function makeOutside(): Outside {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'tsbuild-outside-')));
  writeFileSync(join(path, 'secret'), `${secret}\n`);
  copyFileSync('/bin/busybox', join(path, 'busybox'));
  writeFileSync(join(path, 'interpreter'), tinyProgram(process.arch === 'arm64' ? 94 : 231, [interpreterExit]));
  for (const name of ['secret', 'busybox', 'interpreter']) chmodSync(join(path, name), 0o755);
  chmodSync(path, 0o777);
  return {
    path,
    climb: `${'../'.repeat(24)}${path.slice(1)}`,
    get names() {
      return readdirSync(path).toSorted();
    },
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** A program that another one has to load, by the path that it names: the kernel starts that one. (elf(5), PT_INTERP) */
export function programWithInterpreter(interpreter: string): Buffer {
  const name = Buffer.from(`${interpreter}\0`);
  const header = Buffer.alloc(176);
  const base = 0x1000_0000n;
  header.write('\x7fELF\x02\x01\x01', 'latin1');
  header.writeUInt16LE(2, 16); // ET_EXEC
  header.writeUInt16LE(process.arch === 'arm64' ? 183 : 62, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(base, 24);
  header.writeBigUInt64LE(64n, 32);
  header.writeUInt16LE(64, 52);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(2, 56);
  writeSegment(header.subarray(64), { type: 3, offset: 176n, address: base + 176n, size: name.length });
  writeSegment(header.subarray(120), { type: 1, offset: 0n, address: base, size: 176 + name.length });
  return Buffer.concat([header, name]);
}

function writeSegment(
  header: Buffer,
  {
    type,
    offset,
    address,
    size,
  }: { readonly type: number; readonly offset: bigint; readonly address: bigint; readonly size: number },
): void {
  header.writeUInt32LE(type, 0);
  header.writeUInt32LE(5, 4); // R+X
  header.writeBigUInt64LE(offset, 8);
  header.writeBigUInt64LE(address, 16);
  header.writeBigUInt64LE(address, 24);
  header.writeBigUInt64LE(BigInt(size), 32);
  header.writeBigUInt64LE(BigInt(size), 40);
  header.writeBigUInt64LE(4096n, 48);
}
