import { AT_FDCWD, MS, O_CLOEXEC, O_WRONLY } from '../../../../native/constants.ts';
import { readOnlyFile } from '../../../../native/tape/read-only-file.ts';
import type { TapeEntry } from '../../../../native/tape/tape.ts';
import { type ElfKind, elfPattern } from './elf.ts';

/** An emulator, and the bytes that tell the kernel about it. */
export interface Registration {
  readonly emulator: string;
  readonly bytes: Uint8Array;
}

/** Where binfmt_misc is mounted, below a /proc. */
const place = 'sys/fs/binfmt_misc';

/**
 * A registration of an emulator, with these flags: F, the kernel opens it now, so that no root needs to have it; O and C, it gets the
 * program as a descriptor and its set-id bits count; P, the program sees the name that it was called by. (admin-guide/binfmt-misc.rst)
 */
export function registrationOf(kind: ElfKind, emulator: string): Registration {
  const { magic, mask } = elfPattern(kind);
  const fields = ['tsbuild', 'M', '0', escaped(magic), escaped(mask), emulator, 'OCPF'];
  // The first character is what separates the fields; paths hardly have this one.
  return { emulator, bytes: Buffer.from(`${separator}${fields.join(separator)}`, 'utf8') };
}

/** True for a path that a registration cannot express. */
export function isUnspeakable(emulator: string): boolean {
  // MAX_REGISTER_LENGTH is 1920, of which the rest takes less than 200.
  return emulator.includes(separator) || Buffer.byteLength(emulator) > 1700;
}

const separator = '\x01';

function escaped(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
}

/** Where a tape registers an emulator. */
export interface RegistrationOptions {
  /** The /proc to mount it in. */
  readonly proc: string;
  /** How many entries the tape has before these. */
  readonly position: number;
}

/**
 * Registers an emulator for the user namespace of the process that plays this (Linux 6.7).
 *
 * When a program is started, the kernel looks for a binfmt_misc of the process's own user namespace, then of that one's parents, and takes
 * the first that was ever mounted, alone (load_binfmt_misc() in fs/binfmt_misc.c). So one in the worker's namespace would serve every RUN
 * below it, and would hide what the host has registered from all of them, those included that run already. One in the RUN's own namespace
 * harms nobody, ends with the RUN, and costs six calls: 0.1 ms.
 */
export function registrationEntries(
  { emulator, bytes }: Registration,
  { proc, position }: RegistrationOptions,
): readonly TapeEntry[] {
  const target = `${proc}/${place}`;
  // What is opened here is what /proc/PID/exe of every emulated program leads to.
  const opened = readOnlyFile(emulator, 'emulator');
  return [
    ...opened,
    { syscall: 'mount', args: ['binfmt_misc', target, 'binfmt_misc', MS.NOSUID | MS.NODEV | MS.NOEXEC, 0], what: 'binfmt_misc' },
    { syscall: 'openat', args: [AT_FDCWD, `${target}/register`, O_WRONLY | O_CLOEXEC, 0], what: 'binfmt_misc' },
    {
      syscall: 'write',
      args: [{ kind: 'result', entry: position + opened.length + 1 }, bytes, bytes.length],
      what: 'emulator',
      atLeast: bytes.length,
    },
  ];
}

/** What is registered is not for the command to change. To be played once /proc/sys is bound on itself. */
export function closedRegistration(proc: string): TapeEntry {
  const flags = MS.BIND | MS.REMOUNT | MS.RDONLY | MS.NOSUID | MS.NODEV | MS.NOEXEC;
  return { syscall: 'mount', args: [0, `${proc}/${place}`, 0, flags, 0], what: 'binfmt_misc' };
}
