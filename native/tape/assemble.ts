import { type Architecture, syscallNumber } from '../syscall-numbers.ts';
import type { TapeArgument, TapeEntry, TapePointee } from './tape.ts';

/** Where things are in a tape's memory; player.ts reads and writes it. Words of 8 bytes, little endian; addresses are absolute. */
export const TAPE_LAYOUT = {
  /** Header: the entry being played, then the result that ended the tape (`unfinished` until then). Entries follow. */
  currentEntry: 0,
  finalResult: 8,
  headerBytes: 16,
  /** In an entry: the call's number, six arguments, where the result goes, the least good result, what is played next. */
  number: 0,
  arguments: 8,
  destination: 56,
  least: 64,
  next: 72,
  /** Played after a result below the least; 0 ends the tape. */
  nextAfterFailure: 80,
  entryBytes: 88,
} as const;

/** What the header's final result says while nothing has failed: no system call returns it. */
export const unfinished = 0x7fff_ffff_ffff_ffffn;

/** A tape in memory, for any address: `relocate` makes it fit one. */
export interface AssembledTape {
  readonly bytes: Uint8Array;
  /** The entries in the order of memory: the caller's, then those of each `otherwise`. */
  readonly entries: readonly TapeEntry[];
  /** Offsets of the words that are addresses, now relative to the start. */
  readonly relocations: readonly number[];
}

/**
 * Lays a tape out in memory. Pure: the same tape and architecture give the same bytes.
 *
 * @throws RangeError for a tape that cannot be played: empty, more than six arguments, a NUL in a string, a wrong result reference
 */
export function assembleTape(tape: readonly TapeEntry[], architecture: Architecture): AssembledTape {
  if (tape.length === 0) throw new RangeError('Cannot assemble a tape: it has no entries');
  return new Assembler(tape, architecture).assemble();
}

/** The tape's bytes as they must be at `address`, written to `memory`. */
export function relocate(tape: AssembledTape, address: bigint, memory: Buffer): void {
  memory.set(tape.bytes);
  for (const offset of tape.relocations) memory.writeBigUInt64LE(memory.readBigUInt64LE(offset) + address, offset);
}

/** The entry that a played tape in `memory` at `address` was at last. */
export function currentEntry(tape: AssembledTape, address: bigint, memory: Buffer): TapeEntry | undefined {
  const offset = Number(memory.readBigUInt64LE(TAPE_LAYOUT.currentEntry) - address) - TAPE_LAYOUT.headerBytes;
  return tape.entries[offset / TAPE_LAYOUT.entryBytes];
}

/** Entries in memory with the index of what follows them. */
interface LaidOutEntry {
  readonly entry: TapeEntry;
  readonly next: number;
  readonly afterFailure: number | undefined;
}

/** An argument in memory, and the entry that it belongs to. */
interface ArgumentPlace {
  readonly index: number;
  readonly offset: number;
}

class Assembler {
  readonly #tape: readonly TapeEntry[];
  readonly #architecture: Architecture;
  readonly #placed: LaidOutEntry[] = [];
  readonly #relocations: number[] = [];
  readonly #chunks: Uint8Array[] = [];
  readonly #shared = new Map<Uint8Array, number>();
  #size = 0;

  constructor(tape: readonly TapeEntry[], architecture: Architecture) {
    this.#tape = tape;
    this.#architecture = architecture;
  }

  assemble(): AssembledTape {
    this.#place();
    const head = Buffer.alloc(entryOffset(this.#placed.length));
    this.#size = head.length;
    head.writeBigUInt64LE(unfinished, TAPE_LAYOUT.finalResult);
    const scratch = this.#append(new Uint8Array(8));
    for (const index of this.#placed.keys()) this.#point(head, entryOffset(index) + TAPE_LAYOUT.destination, scratch);
    for (const [index, placed] of this.#placed.entries()) this.#writeEntry(head, placed, index);
    const bytes = Buffer.concat([head, ...this.#chunks]);
    return { bytes, entries: this.#placed.map((placed) => placed.entry), relocations: this.#relocations };
  }

  /** The caller's entries keep their index; alternatives follow in memory and lead back to them. */
  #place(): void {
    const alternatives: { readonly entries: readonly TapeEntry[]; readonly back: number }[] = [];
    let free = this.#tape.length;
    for (const [index, entry] of this.#tape.entries()) {
      const otherwise = entry.otherwise ?? [];
      const goesOn = entry.mayFail === true ? index + 1 : undefined;
      this.#placed.push({ entry, next: index + 1, afterFailure: otherwise.length > 0 ? free : goesOn });
      alternatives.push({ entries: otherwise, back: index + 1 });
      free += otherwise.length;
    }
    for (const { entries, back } of alternatives) this.#placeAlternative(entries, back);
  }

  #placeAlternative(entries: readonly TapeEntry[], back: number): void {
    for (const [index, entry] of entries.entries()) {
      if (entry.otherwise !== undefined) {
        throw new RangeError(`Cannot assemble a tape: the alternative ${entry.syscall} has an alternative itself`);
      }
      const next = index === entries.length - 1 ? back : this.#placed.length + 1;
      this.#placed.push({ entry, next, afterFailure: entry.mayFail === true ? next : undefined });
    }
  }

  #writeEntry(head: Buffer, { entry, next, afterFailure }: LaidOutEntry, index: number): void {
    if (entry.args.length > 6) {
      throw new RangeError(`Cannot assemble a tape: ${entry.syscall} has ${entry.args.length} arguments`);
    }
    const start = entryOffset(index);
    head.writeBigUInt64LE(BigInt(syscallNumber(entry.syscall, this.#architecture)), start + TAPE_LAYOUT.number);
    for (const [position, argument] of entry.args.entries()) {
      this.#writeArgument(head, argument, { index, offset: start + TAPE_LAYOUT.arguments + position * 8 });
    }
    head.writeBigInt64LE(BigInt(entry.atLeast ?? 0), start + TAPE_LAYOUT.least);
    this.#point(head, start + TAPE_LAYOUT.next, entryOffset(next));
    if (afterFailure !== undefined) this.#point(head, start + TAPE_LAYOUT.nextAfterFailure, entryOffset(afterFailure));
  }

  #writeArgument(head: Buffer, argument: TapeArgument, place: ArgumentPlace): void {
    if (typeof argument === 'number' || typeof argument === 'bigint') {
      head.writeBigUInt64LE(BigInt.asUintN(64, BigInt(argument)), place.offset);
    } else {
      this.#writeObject(head, argument, place);
    }
  }

  #writeObject(head: Buffer, argument: Exclude<TapeArgument, number | bigint>, place: ArgumentPlace): void {
    if (typeof argument === 'string' || !('kind' in argument) || argument.kind === 'block') {
      this.#point(head, place.offset, this.#pointee(argument));
    } else if (argument.kind === 'result') {
      this.#redirectResult(head, argument.entry, place);
    } else if (argument.kind === 'memory') {
      this.#point(head, place.offset, this.#sharedMemory(argument.bytes) + argument.offset);
    } else {
      throw new RangeError(`Cannot assemble a tape: entry ${place.index} names the gate, and there is none`);
    }
  }

  /** The earlier entry stores its result right where the later one's argument is. */
  #redirectResult(head: Buffer, from: number, place: ArgumentPlace): void {
    const destination = entryOffset(from) + TAPE_LAYOUT.destination;
    const isEarlier = from >= 0 && from < Math.min(place.index, this.#tape.length);
    if (!isEarlier || head.readBigUInt64LE(destination) !== BigInt(entryOffset(this.#placed.length))) {
      throw new RangeError(`Cannot assemble a tape: entry ${place.index} cannot use the result of entry ${from}`);
    }
    head.writeBigUInt64LE(BigInt(place.offset), destination);
  }

  #point(bytes: Buffer, offset: number, target: number): void {
    bytes.writeBigUInt64LE(BigInt(target), offset);
    this.#relocations.push(offset);
  }

  #sharedMemory(bytes: Uint8Array): number {
    const offset = this.#shared.get(bytes) ?? this.#append(bytes);
    this.#shared.set(bytes, offset);
    return offset;
  }

  #pointee(value: TapePointee): number {
    if (typeof value === 'string') return this.#append(terminated(value));
    if (value instanceof Uint8Array) return this.#append(value);
    if ('kind' in value) {
      return this.#appendParts(value.parts.map((part) => (part instanceof Uint8Array ? part : this.#pointee(part.to))));
    }
    return this.#appendParts([...value.map((text) => this.#append(terminated(text))), new Uint8Array(8)]);
  }

  /** Bytes and pointers (as offsets) behind each other. */
  #appendParts(parts: readonly (Uint8Array | number)[]): number {
    const start = this.#size;
    const bytes = Buffer.alloc(parts.reduce<number>((size, part) => size + (typeof part === 'number' ? 8 : part.length), 0));
    let offset = 0;
    for (const part of parts) {
      if (typeof part === 'number') {
        bytes.writeBigUInt64LE(BigInt(part), offset);
        this.#relocations.push(start + offset);
        offset += 8;
      } else {
        bytes.set(part, offset);
        offset += part.length;
      }
    }
    return this.#append(bytes);
  }

  /** Adds data behind the entries, aligned to 8 bytes; gives its offset. */
  #append(bytes: Uint8Array): number {
    const offset = this.#size;
    const padding = (8 - (bytes.length % 8)) % 8;
    this.#chunks.push(bytes, new Uint8Array(padding));
    this.#size += bytes.length + padding;
    return offset;
  }
}

function entryOffset(index: number): number {
  return TAPE_LAYOUT.headerBytes + index * TAPE_LAYOUT.entryBytes;
}

function terminated(text: string | Uint8Array): Uint8Array {
  const bytes = Buffer.from(text);
  if (bytes.includes(0)) {
    throw new RangeError(`Cannot assemble a tape: "${bytes.toString('utf8')}" holds a NUL`);
  }
  return Buffer.concat([bytes, Buffer.of(0)]);
}
