import {
  addImmediate,
  branch,
  branchIfLess,
  branchIfZero,
  compare,
  instructions,
  load,
  move,
  moveImmediate,
  store,
  supervisorCall,
} from '../machine-code/arm64.ts';
import { loadCallArm64, loadCallX64 } from '../machine-code/load-call.ts';
import type { Architecture } from '../syscall-numbers.ts';
import { TAPE_LAYOUT } from './assemble.ts';

/**
 * The child's whole program: plays the tape whose address is its first argument, and never returns. It uses no libc, no stack and
 * no memory but the tape, since the parent's threads run in the same memory. In words:
 *
 *     for (entry = tape.entries; ; ) {
 *       tape.currentEntry = entry;
 *       result = syscall(entry.number, ...entry.arguments);
 *       *entry.destination = result;
 *       if (result >= entry.least) entry = entry.next;
 *       else if (entry.nextAfterFailure != 0) entry = entry.nextAfterFailure;
 *       else { tape.finalResult = result; exit_group(127); }
 *     }
 */
export function playerCode(architecture: Architecture): Uint8Array {
  return architecture === 'x64' ? Buffer.from(playerX64.flat()) : instructions(playerArm64());
}

const playerX64: readonly (readonly number[])[] = [
  [0x49, 0x89, 0xfc], //                   mov  r12, rdi             the tape
  [0x48, 0x8d, 0x5f, 0x10], //             lea  rbx, [rdi+16]        its first entry
  [0x49, 0x89, 0x1c, 0x24], //       play: mov  [r12], rbx
  ...loadCallX64,
  [0x0f, 0x05], //                         syscall                   (clobbers rcx and r11)
  [0x48, 0x8b, 0x4b, 0x38], //             mov  rcx, [rbx+56]
  [0x48, 0x89, 0x01], //                   mov  [rcx], rax
  [0x48, 0x3b, 0x43, 0x40], //             cmp  rax, [rbx+64]
  [0x7c, 0x06], //                         jl   failed
  [0x48, 0x8b, 0x5b, 0x48], //             mov  rbx, [rbx+72]
  [0xeb, 0xcc], //                         jmp  play
  [0x48, 0x8b, 0x4b, 0x50], //     failed: mov  rcx, [rbx+80]
  [0x48, 0x85, 0xc9], //                   test rcx, rcx
  [0x74, 0x05], //                         jz   end
  [0x48, 0x89, 0xcb], //                   mov  rbx, rcx
  [0xeb, 0xbe], //                         jmp  play
  [0x49, 0x89, 0x44, 0x24, 0x08], //  end: mov  [r12+8], rax
  [0xbf, 0x7f, 0x00, 0x00, 0x00], //       mov  edi, 127
  [0xb8, 0xe7, 0x00, 0x00, 0x00], //       mov  eax, 231              exit_group
  [0x0f, 0x05], //                         syscall
];

/** x19 is the tape, x20 the entry; a system call changes x0 only. */
function playerArm64(): number[] {
  const [tape, entry, word] = [19, 20, 9];
  return [
    move(tape, 0),
    addImmediate(entry, 0, TAPE_LAYOUT.headerBytes),
    store(entry, tape, TAPE_LAYOUT.currentEntry), // 2 play:
    ...loadCallArm64(entry),
    supervisorCall,
    load(word, entry, TAPE_LAYOUT.destination),
    store(0, word, 0),
    load(word, entry, TAPE_LAYOUT.least),
    compare(0, word),
    branchIfLess(3), //                                        to failed
    load(entry, entry, TAPE_LAYOUT.next),
    branch(-12), //                                            to play
    load(word, entry, TAPE_LAYOUT.nextAfterFailure), // 15 failed:
    branchIfZero(word, 3), //                                  to end
    move(entry, word),
    branch(-16), //                                            to play
    store(0, tape, TAPE_LAYOUT.finalResult), // 19 end:
    moveImmediate(0, 127),
    moveImmediate(8, 94), //                                   exit_group
    supervisorCall,
  ];
}
