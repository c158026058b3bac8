import type { Architecture } from '../../../native/syscall-numbers.ts';
import { assembleTape, relocate } from '../../../native/tape/assemble.ts';
import { playerCode } from '../../../native/tape/player.ts';
import type { TapeEntry } from '../../../native/tape/tape.ts';
import { elfProgram, loadAddressOf } from '../elf-program.ts';

/** An ELF program that is nothing but the player and a tape. */
export function tapeProgram(tape: readonly TapeEntry[], architecture: Architecture): Buffer {
  const assembled = assembleTape(tape, architecture);
  return elfProgram(
    {
      code: (dataDistance) => Buffer.concat([loadAddressOf(dataDistance, architecture), playerCode(architecture)]),
      data: (address) => {
        const memory = Buffer.alloc(assembled.bytes.length);
        relocate(assembled, address, memory);
        return memory;
      },
    },
    architecture,
  );
}
