import {
  addImmediate,
  branchIfBitClear,
  branchIfNotZero,
  instructions,
  load,
  move,
  moveInverted,
  returnToCaller,
  store,
  subtractImmediate,
  supervisorCall,
} from '../machine-code/arm64.ts';
import { loadCallArm64, loadCallX64 } from '../machine-code/load-call.ts';
import type { Architecture } from '../syscall-numbers.ts';

/** Where things are in an entry of a batch. Words of 8 bytes, little endian; addresses are absolute. */
export const BATCH_LAYOUT = {
  /** The call's number and six arguments. */
  number: 0,
  arguments: 8,
  /** What the call gave; a negated errno when it failed. */
  result: 56,
  /** `usesDescriptor` and `givesDescriptor`, or 0. */
  flags: 64,
  entryBytes: 72,
} as const;

/** The first argument is what the last call with `givesDescriptor` gave: after a failure no descriptor, so that the call fails too. */
export const usesDescriptor = 1;
export const givesDescriptor = 2;

/**
 * Machine code that makes many system calls in a row, without coming back in between whatever their results are. In words:
 *
 *     void player(struct entry *entry, long count) {
 *       long descriptor = -1;
 *       do {
 *         if (entry->flags & 1) entry->arguments[0] = descriptor;   (in the register, not in memory)
 *         entry->result = syscall(entry->number, ...entry->arguments);
 *         if (entry->flags & 2) descriptor = entry->result;
 *         entry++;
 *       } while (--count != 0);
 *     }
 */
export function batchPlayerCode(architecture: Architecture): Uint8Array {
  return architecture === 'x64' ? Buffer.from(playerX64.flat()) : instructions(playerArm64());
}

const playerX64: readonly (readonly number[])[] = [
  [0x53], //                               push rbx
  [0x55], //                               push rbp
  [0x41, 0x54], //                         push r12
  [0x48, 0x89, 0xfb], //                   mov  rbx, rdi             the entry
  [0x48, 0x89, 0xf5], //                   mov  rbp, rsi             how many are left
  [0x49, 0x83, 0xcc, 0xff], //             or   r12, -1              the descriptor
  ...loadCallX64, //                      next: the call
  [0xf6, 0x43, 0x40, 0x01], //             test byte [rbx+64], 1
  [0x74, 0x03], //                         jz   call
  [0x4c, 0x89, 0xe7], //                   mov  rdi, r12
  [0x0f, 0x05], //                   call: syscall                   (clobbers rcx and r11)
  [0x48, 0x89, 0x43, 0x38], //             mov  [rbx+56], rax
  [0xf6, 0x43, 0x40, 0x02], //             test byte [rbx+64], 2
  [0x74, 0x03], //                         jz   done
  [0x49, 0x89, 0xc4], //                   mov  r12, rax
  [0x48, 0x83, 0xc3, 0x48], //       done: add  rbx, 72
  [0x48, 0xff, 0xcd], //                   dec  rbp
  [0x75, 0xc4], //                         jnz  next
  [0x41, 0x5c], //                         pop  r12
  [0x5d], //                               pop  rbp
  [0x5b], //                               pop  rbx
  [0xc3], //                               ret
];

/** A system call changes x0 only, and x9 to x13 are free to use. */
function playerArm64(): number[] {
  const [entry, count, descriptor, flags] = [9, 10, 11, 12];
  return [
    move(entry, 0),
    move(count, 1),
    moveInverted(descriptor, 0), //                            -1
    ...loadCallArm64(entry), // 3 next:
    load(flags, entry, BATCH_LAYOUT.flags),
    branchIfBitClear(flags, 0, 2), //                          to call
    move(0, descriptor),
    supervisorCall, // 10 call:
    store(0, entry, BATCH_LAYOUT.result),
    branchIfBitClear(flags, 1, 2), //                          to done
    move(descriptor, 0),
    addImmediate(entry, entry, BATCH_LAYOUT.entryBytes), // 14 done:
    subtractImmediate(count, count, 1),
    branchIfNotZero(count, -13), //                            to next
    returnToCaller,
  ];
}
