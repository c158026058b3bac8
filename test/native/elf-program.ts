import type { Architecture } from '../../native/syscall-numbers.ts';

const loadAddress = 0x40_0000;
const headerBytes = 64 + 56;

/** A program of machine code and data in one segment, so that code can be run on its processor or under qemu. (elf(5)) */
export interface ProgramParts {
  /** The code, that finds its data that many bytes after its first instruction. */
  readonly code: (dataDistance: number) => Uint8Array;
  /** The data as it must be at an address. */
  readonly data: (address: bigint) => Uint8Array;
}

/** An ELF program without libc, that begins with the first instruction of the code. */
export function elfProgram({ code, data }: ProgramParts, architecture: Architecture): Buffer {
  const dataOffset = Math.ceil((headerBytes + code(0).length) / 16) * 16;
  const bytes = data(BigInt(loadAddress + dataOffset));
  const head = Buffer.concat([elfHeader(architecture), programHeader(dataOffset + bytes.length), code(dataOffset - headerBytes)]);
  return Buffer.concat([head, Buffer.alloc(dataOffset - head.length), bytes]);
}

/** Puts the address of what is `distance` bytes after this instruction into the register of the first argument. */
export function loadAddressOf(distance: number, architecture: Architecture): Buffer {
  return architecture === 'x64' ? leaRdi(distance) : adrX0(distance);
}

/** lea rdi, [rip + distance]; the distance counts from the end of the instruction. */
function leaRdi(distance: number): Buffer {
  const bytes = Buffer.from([0x48, 0x8d, 0x3d, 0, 0, 0, 0]);
  bytes.writeInt32LE(distance - bytes.length, 3);
  return bytes;
}

/** adr x0, distance. */
function adrX0(distance: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE((0x10000000 | ((distance & 3) << 29) | ((distance >> 2) << 5)) >>> 0);
  return bytes;
}

/** 64 bits, little endian, an executable for Linux at a fixed address. */
function elfHeader(architecture: Architecture): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  bytes.writeUInt16LE(2, 16);
  bytes.writeUInt16LE(architecture === 'x64' ? 62 : 183, 18);
  bytes.writeUInt32LE(1, 20);
  bytes.writeBigUInt64LE(BigInt(loadAddress + headerBytes), 24);
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeUInt16LE(64, 52);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(1, 56);
  return bytes;
}

/** One segment with everything: readable, writable, executable. */
function programHeader(size: number): Buffer {
  const bytes = Buffer.alloc(56);
  bytes.writeUInt32LE(1, 0);
  bytes.writeUInt32LE(7, 4);
  bytes.writeBigUInt64LE(BigInt(loadAddress), 16);
  bytes.writeBigUInt64LE(BigInt(loadAddress), 24);
  bytes.writeBigUInt64LE(BigInt(size), 32);
  bytes.writeBigUInt64LE(BigInt(size), 40);
  bytes.writeBigUInt64LE(0x1000n, 48);
  return bytes;
}
