/** A place in a program: the number of instructions behind it, plus one. */
export type Label = number;

interface Instruction {
  readonly code: number;
  readonly whenTrue: number;
  readonly whenFalse: number;
  readonly operand: number;
}

const LOAD = 0x20;
const AND = 0x54;
const JUMP = 0x05;
const RETURN = 0x06;
const JUMP_IF = { equal: 0x15, atLeast: 0x35, anyBit: 0x45 } as const;
/** Conditional jumps have 8 bits for the way. */
const longestJump = 255;

/**
 * Assembles a classic BPF program from its end to its start. Jumps only lead forward, so when an instruction is added all that it can
 * jump to is there already, and the distances are known. (Documentation/networking/filter.rst)
 */
export class ProgramBuilder {
  readonly #reversed: Instruction[] = [];

  /** Ends the program with a value. */
  return(value: number): Label {
    return this.#add({ code: RETURN, whenTrue: 0, whenFalse: 0, operand: value });
  }

  /** Loads the 32-bit word at an offset of the data, then goes on at `next`. */
  load(offset: number, next: Label): Label {
    this.#goTo(next);
    return this.#add({ code: LOAD, whenTrue: 0, whenFalse: 0, operand: offset });
  }

  /** Clears the bits of the loaded word that a mask lacks, then goes on at `next`. */
  mask(bits: number, next: Label): Label {
    if (bits === 0xffff_ffff) return next;
    this.#goTo(next);
    return this.#add({ code: AND, whenTrue: 0, whenFalse: 0, operand: bits });
  }

  /** Compares the loaded word with a value, unsigned or bit by bit, and goes one of two ways. */
  branch(comparison: keyof typeof JUMP_IF, value: number, ways: { readonly yes: Label; readonly no: Label }): Label {
    const yes = this.#near(ways.yes);
    const no = this.#near(ways.no);
    const here = this.#reversed.length;
    return this.#add({ code: JUMP_IF[comparison], whenTrue: here - yes, whenFalse: here - no, operand: value });
  }

  /** The program in the form of `struct sock_filter[]`, little endian. It starts with the instruction that was added last. */
  bytes(): Uint8Array {
    const bytes = Buffer.alloc(this.#reversed.length * 8);
    for (const [index, { code, whenTrue, whenFalse, operand }] of this.#reversed.toReversed().entries()) {
      bytes.writeUInt16LE(code, index * 8);
      bytes.writeUInt8(whenTrue, index * 8 + 2);
      bytes.writeUInt8(whenFalse, index * 8 + 3);
      bytes.writeUInt32LE(operand >>> 0, index * 8 + 4);
    }
    return bytes;
  }

  #add(instruction: Instruction): Label {
    this.#reversed.push(instruction);
    return this.#reversed.length;
  }

  #goTo(label: Label): void {
    if (label !== this.#reversed.length) this.#jump(label);
  }

  /** A label within reach of a conditional jump, even after one more jump has been put between. */
  #near(label: Label): Label {
    return this.#reversed.length + 1 - label > longestJump ? this.#jump(label) : label;
  }

  #jump(label: Label): Label {
    return this.#add({ code: JUMP, whenTrue: 0, whenFalse: 0, operand: this.#reversed.length - label });
  }
}
