import { load, loadPair } from './arm64.ts';

// Entries of tapes and of batches begin alike: the number of a system call, then its six arguments, words of 8 bytes.

/** Loads the call at rbx to where the kernel expects it: 27 bytes. */
export const loadCallX64: readonly (readonly number[])[] = [
  [0x48, 0x8b, 0x03], //       mov  rax, [rbx]
  [0x48, 0x8b, 0x7b, 0x08], // mov  rdi, [rbx+8]
  [0x48, 0x8b, 0x73, 0x10], // mov  rsi, [rbx+16]
  [0x48, 0x8b, 0x53, 0x18], // mov  rdx, [rbx+24]
  [0x4c, 0x8b, 0x53, 0x20], // mov  r10, [rbx+32]
  [0x4c, 0x8b, 0x43, 0x28], // mov  r8, [rbx+40]
  [0x4c, 0x8b, 0x4b, 0x30], // mov  r9, [rbx+48]
];

/** The same for arm64, of the entry that a register points to: 4 instructions. */
export function loadCallArm64(entry: number): number[] {
  return [load(8, entry, 0), loadPair(0, 1, entry, 8), loadPair(2, 3, entry, 24), loadPair(4, 5, entry, 40)];
}
