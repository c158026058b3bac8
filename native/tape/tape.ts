import type { SyscallName } from '../syscall-numbers.ts';

/** Bytes that an argument points to: text becomes a C string; a list becomes a NULL-terminated array of C strings. */
export type TapePointee = string | Uint8Array | readonly (string | Uint8Array)[] | TapeBlock;

/** A structure whose parts follow each other without gaps; pointers take 8 bytes. Example: seccomp's `struct sock_fprog`. */
interface TapeBlock {
  readonly kind: 'block';
  readonly parts: readonly (Uint8Array | { readonly kind: 'pointer'; readonly to: TapePointee })[];
}

/** The result of an earlier entry. Once for each entry; dup3() a descriptor to a number of your own when it is needed more often. */
interface TapeResult {
  readonly kind: 'result';
  /** Index of the entry on the caller's tape; it must come earlier and not lie in an `otherwise`. */
  readonly entry: number;
}

/** Memory that entries share: what one call writes there, a later one reads. The same array is the same memory, from `offset` on. */
interface TapeMemory {
  readonly kind: 'memory';
  readonly bytes: Uint8Array;
  readonly offset: number;
}

/** The descriptor that holds the process until it may go on, and that tells of its exec: startTape() knows its number. */
interface TapeGate {
  readonly kind: 'gate';
}

/** A number is itself; text, bytes, lists and blocks are pointers to them. Bytes get no NUL added: C strings in bytes bring their own. */
export type TapeArgument = number | bigint | TapePointee | TapeResult | TapeMemory | TapeGate;

/** One system call. */
export interface TapeEntry {
  readonly syscall: SyscallName;
  readonly args: readonly TapeArgument[];
  /** For messages: what the call is about, mostly a path. */
  readonly what?: string;
  /** Go on after an error. */
  readonly mayFail?: boolean;
  /** Played only when the call fails; then the tape goes on. These entries have no `otherwise` of their own. */
  readonly otherwise?: readonly TapeEntry[];
  /** The least result that is not a failure; 0 when left out. */
  readonly atLeast?: number;
}
