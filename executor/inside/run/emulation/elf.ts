/** What tells programs of one processor from those of all others, and the least that one of them can be. */
export interface ElfKind {
  readonly bits: 32 | 64;
  readonly order: 'little' | 'big';
  /** `e_machine`. (elf(5)) */
  readonly machine: number;
  /** `e_flags` of a usual program. */
  readonly flags?: number;
  /** Instructions that end the process with exit code 0, as they lie in memory; hex. */
  readonly exit: string;
}

/** By Go's names of processors. */
const kinds: Readonly<Record<string, ElfKind>> = {
  // xor edi, edi; mov eax, 60; syscall
  amd64: { bits: 64, order: 'little', machine: 62, exit: '31ffb83c0000000f05' },
  // xor ebx, ebx; mov eax, 1; int 0x80
  '386': { bits: 32, order: 'little', machine: 3, exit: '31dbb801000000cd80' },
  // mov x0, 0; mov x8, 93; svc 0
  arm64: { bits: 64, order: 'little', machine: 183, exit: '000080d2a80b80d2010000d4' },
  // mov r0, 0; mov r7, 1; svc 0
  arm: { bits: 32, order: 'little', machine: 40, flags: 0x0500_0000, exit: '0000a0e30170a0e3000000ef' },
  // li a0, 0; li a7, 93; ecall
  riscv64: { bits: 64, order: 'little', machine: 243, exit: '130500009308d00573000000' },
  // lghi %r2, 0; svc 1
  s390x: { bits: 64, order: 'big', machine: 22, exit: 'a72900000a01' },
  // li r0, 1; li r3, 0; sc
  ppc64le: { bits: 64, order: 'little', machine: 21, flags: 2, exit: '010000380000603802000044' },
  // li $a0, 0; li $v0, 4001; syscall
  mipsle: { bits: 32, order: 'little', machine: 8, flags: 0x7000_1000, exit: '00000424a10f02240c000000' },
  // li $a0, 0; li $v0, 5058; syscall
  mips64le: { bits: 64, order: 'little', machine: 8, flags: 0x8000_0000, exit: '00000424c21302240c000000' },
  // li.w $a0, 0; li.w $a7, 93; syscall 0
  loong64: { bits: 64, order: 'little', machine: 258, exit: '040080020b74810200002b00' },
};

/** undefined for a processor that we cannot tell from others. */
export function elfKind(architecture: string): ElfKind | undefined {
  return Object.hasOwn(kinds, architecture) ? kinds[architecture] : undefined;
}

const identBytes = 16;

/**
 * The first 20 bytes of every program of a kind, and which of their bits count: not the operating system's name (byte 7), and not what
 * tells a program that can lie anywhere (ET_DYN, 3) from one with a fixed address (ET_EXEC, 2).
 */
export function elfPattern(kind: ElfKind): { readonly magic: Uint8Array; readonly mask: Uint8Array } {
  const magic = identified(Buffer.alloc(20), kind);
  const mask = Buffer.alloc(20, 0xff);
  mask[7] = 0;
  mask[kind.order === 'little' ? identBytes : identBytes + 1] = 0xfe;
  return { magic, mask };
}

/** A program without libc that does nothing and ends well. */
export function idleProgram(kind: ElfKind): Uint8Array {
  const code = Buffer.from(kind.exit, 'hex');
  const is64 = kind.bits === 64;
  const [headerBytes, segmentBytes] = is64 ? [64, 56] : [52, 32];
  const base = 0x40_0000;
  const codeOffset = headerBytes + segmentBytes;
  const head = identified(Buffer.alloc(codeOffset), kind);
  const put = new FieldWriter(head, kind);
  put.half(18, kind.machine);
  put.word(20, 1);
  put.address(24, base + codeOffset);
  put.address(is64 ? 32 : 28, headerBytes);
  put.word(is64 ? 48 : 36, kind.flags ?? 0);
  [headerBytes, segmentBytes, 1].forEach((value, index) => put.half((is64 ? 52 : 40) + 2 * index, value));
  // One PT_LOAD of everything, readable and executable.
  put.word(headerBytes, 1);
  put.word(headerBytes + (is64 ? 4 : 24), 5);
  const sizes = [base, base, codeOffset + code.length, codeOffset + code.length];
  const first = headerBytes + (is64 ? 16 : 8);
  sizes.forEach((value, index) => put.address(first + (kind.bits / 8) * index, value));
  put.address(headerBytes + (is64 ? 48 : 28), 0x1_0000);
  return Buffer.concat([head, code]);
}

function identified(bytes: Buffer, kind: ElfKind): Buffer {
  bytes.set([0x7f, 0x45, 0x4c, 0x46, kind.bits === 64 ? 2 : 1, kind.order === 'little' ? 1 : 2, 1]);
  const put = new FieldWriter(bytes, kind);
  put.half(16, 2);
  put.half(18, kind.machine);
  return bytes;
}

/** Writes numbers as a kind of program has them. */
class FieldWriter {
  readonly #bytes: Buffer;
  readonly #kind: ElfKind;

  constructor(bytes: Buffer, kind: ElfKind) {
    this.#bytes = bytes;
    this.#kind = kind;
  }

  half(offset: number, value: number): void {
    if (this.#isLittle) this.#bytes.writeUInt16LE(value, offset);
    else this.#bytes.writeUInt16BE(value, offset);
  }

  word(offset: number, value: number): void {
    if (this.#isLittle) this.#bytes.writeUInt32LE(value, offset);
    else this.#bytes.writeUInt32BE(value, offset);
  }

  /** As wide as an address. */
  address(offset: number, value: number): void {
    if (this.#kind.bits === 32) this.word(offset, value);
    else if (this.#isLittle) this.#bytes.writeBigUInt64LE(BigInt(value), offset);
    else this.#bytes.writeBigUInt64BE(BigInt(value), offset);
  }

  get #isLittle(): boolean {
    return this.#kind.order === 'little';
  }
}
