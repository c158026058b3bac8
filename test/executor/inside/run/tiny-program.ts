/** A program without libc that makes one system call and exits with the low byte of its result, or of its errno. */
export function tinyProgram(call: number, args: readonly number[] = [], architecture: string = process.arch): Buffer {
  const code = architecture === 'arm64' ? arm64Code(call, args) : x64Code(call, args);
  const header = Buffer.alloc(120);
  const base = 0x400000n;
  header.write('\x7fELF\x02\x01\x01', 'latin1');
  header.writeUInt16LE(2, 16); // ET_EXEC
  header.writeUInt16LE(architecture === 'arm64' ? 183 : 62, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(base + 120n, 24); // entry
  header.writeBigUInt64LE(64n, 32); // program headers
  header.writeUInt16LE(64, 52);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(1, 56);
  header.writeUInt32LE(1, 64); // PT_LOAD
  header.writeUInt32LE(5, 68); // R+X
  header.writeBigUInt64LE(base, 80);
  header.writeBigUInt64LE(base, 88);
  header.writeBigUInt64LE(BigInt(120 + code.length), 96);
  header.writeBigUInt64LE(BigInt(120 + code.length), 104);
  header.writeBigUInt64LE(4096n, 112);
  return Buffer.concat([header, code]);
}

function x64Code(call: number, [first = 0, second = 0, third = 0]: readonly number[]): Buffer {
  return Buffer.concat([
    move(0xbf, first), // mov edi
    move(0xbe, second), // mov esi
    move(0xba, third), // mov edx
    move(0xb8, call), // mov eax
    Buffer.from('0f054885c0790348f7d889c7', 'hex'), // syscall; test rax,rax; jns +3; neg rax; mov edi,eax
    move(0xb8, 60),
    Buffer.from('0f05', 'hex'),
  ]);
}

function move(opcode: number, value: number): Buffer {
  const bytes = Buffer.alloc(5);
  bytes[0] = opcode;
  bytes.writeUInt32LE(value >>> 0, 1);
  return bytes;
}

function arm64Code(call: number, [first = 0, second = 0, third = 0]: readonly number[]): Buffer {
  const words = [
    ...[first, second, third].flatMap((value, register) => moveWide(register, value)),
    ...moveWide(8, call),
    0xd4000001, // svc 0
    0xf100001f, // cmp x0, 0
    0xda80a400, // cneg x0, x0, lt
    ...moveWide(8, 93),
    0xd4000001,
  ];
  const bytes = Buffer.alloc(words.length * 4);
  words.forEach((word, index) => bytes.writeUInt32LE(word >>> 0, index * 4));
  return bytes;
}

/** movz and movk of a 32-bit value. */
function moveWide(register: number, value: number): number[] {
  const low = value & 0xffff;
  const high = (value >>> 16) & 0xffff;
  return [0xd2800000 | (low << 5) | register, 0xf2a00000 | (high << 5) | register];
}
