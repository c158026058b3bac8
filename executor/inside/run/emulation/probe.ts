import { writeFileSync } from 'node:fs';
import { O_CREAT, O_EXCL, O_WRONLY } from '../../../../native/constants.ts';
import { close, openat, write } from '../../../../native/files.ts';
import { SyscallError } from '../../../../native/syscall-error.ts';
import { closeDescriptors } from '../../../../native/tape/descriptors.ts';
import { startTape } from '../../../../native/tape/start.ts';
import type { TapeEntry } from '../../../../native/tape/tape.ts';
import { newFileSystem } from '../mounts/workspace.ts';
import { type ElfKind, idleProgram } from './elf.ts';
import { type Registration, registrationEntries } from './registration.ts';

/** What became of a program of another processor. */
export type ProbeResult =
  | { readonly kind: 'runs' }
  /** A system call refused; mostly execve. */
  | { readonly kind: 'refused'; readonly error: SyscallError }
  /** It started and did not end well. */
  | { readonly kind: 'fails'; readonly how: string };

/**
 * Starts a program of a kind that does nothing, in a root that holds nothing else, as an image's root may hold no emulator: so it runs
 * only if the processor can, or an emulator is registered with the flag F and is static. With a registration that is made first.
 */
export async function probe(kind: ElfKind, registration?: Registration): Promise<ProbeResult> {
  const root = newFileSystem('tmpfs', { mode: '0755' }, 0);
  try {
    putProgram(root, idleProgram(kind));
    const tape = [
      ...(registration === undefined ? [] : registrationEntries(registration, { proc: '/proc', position: 0 })),
      ...start(root),
    ];
    const process = await startTape(tape, { namespaces: ['user', 'mount'], onCloned: mapRoot });
    const { exitCode, signal } = await process.exited;
    return exitCode === 0 ? { kind: 'runs' } : { kind: 'fails', how: signal ?? `exit code ${exitCode}` };
  } catch (error) {
    if (error instanceof SyscallError) {
      return { kind: 'refused', error };
    }
    throw error;
  } finally {
    close(root);
  }
}

function putProgram(root: number, program: Uint8Array): void {
  const fd = openat(root, 'program', O_WRONLY | O_CREAT | O_EXCL, 0o755);
  try {
    write(fd, program);
  } finally {
    close(fd);
  }
}

function start(root: number): readonly TapeEntry[] {
  return [
    { syscall: 'fchdir', args: [root], what: 'empty root' },
    { syscall: 'chroot', args: ['.'], what: 'empty root' },
    ...closeDescriptors(),
    { syscall: 'execve', args: ['/program', ['program'], []], what: 'program' },
  ];
}

function mapRoot(pid: number): void {
  writeFileSync(`/proc/${pid}/uid_map`, '0 0 1\n');
  writeFileSync(`/proc/${pid}/gid_map`, '0 0 1\n');
}
