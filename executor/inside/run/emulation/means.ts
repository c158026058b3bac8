import { release } from 'node:os';
import { close } from '../../../../native/files.ts';
import { fsopen } from '../../../../native/mounts.ts';
import { isSyscallError } from '../../../../native/syscall-error.ts';
import type { Emulation } from '../../../protocol/actions.ts';
import { Refusal } from '../../request/failure.ts';
import { type ElfKind, elfKind } from './elf.ts';
import { type ProbeResult, probe } from './probe.ts';
import { hasOwnerHere, registeredEmulator } from './registered.ts';
import { isUnspeakable, type Registration, registrationOf } from './registration.ts';

/** How the programs of a platform run here. */
export type EmulationMeans =
  /** By themselves: the processor can, or an emulator is registered for the whole machine. */
  | { readonly kind: 'given' }
  /** With an emulator that the command's own namespaces are told of. */
  | { readonly kind: 'own'; readonly registration: Registration }
  /** Most likely not at all; the hint says how to change that. */
  | { readonly kind: 'missing'; readonly hint: string };

const decided = new Map<string, Promise<EmulationMeans>>();

/**
 * Finds out how a command of another platform can run, once for each worker. Whether a program of that platform is really started nobody
 * knows before, so what is missing is told only when it is missed. Refuses other systems than Linux.
 */
export function emulationMeans(emulation: Emulation): Promise<EmulationMeans> {
  const key = JSON.stringify(emulation);
  const means = decided.get(key) ?? decide(emulation);
  decided.set(key, means);
  return means;
}

async function decide({ platform, emulator, isChosen }: Emulation): Promise<EmulationMeans> {
  const { os, architecture } = platform;
  if (os !== 'linux') {
    throw new Refusal('not-supported', `Cannot run commands of ${os}: only those of Linux can be run`);
  }
  const kind = elfKind(architecture);
  if (kind === undefined) {
    return missing(`Programs for ${architecture} can only be run on such a machine`);
  }
  const given = isChosen ? undefined : await probe(kind);
  if (given?.kind === 'runs') {
    return (await insteadOfGiven(kind, { architecture, emulator })) ?? { kind: 'given' };
  }
  const own = emulator === undefined ? noEmulator(architecture) : await tryEmulator(kind, { architecture, emulator });
  return own.kind === 'missing' && given?.kind === 'refused' && given.error.code !== 'ENOEXEC'
    ? missing(`${registeredBadly(architecture)}. ${own.hint}`)
    : own;
}

/** By Node's names of processors: whose programs they mostly run themselves. */
const alsoRuns: Readonly<Partial<Record<string, string>>> = { x64: '386', arm64: 'arm' };

/**
 * What a command could change as its owner, through the /proc/PID/exe of what it runs, is registered once more, behind a read-only mount: as root,
 * the emulator of the whole machine. Where nobody can read which that is, the one in PATH serves; where there is none, or the kernel does not
 * let a build have its own, the machine's stays.
 */
async function insteadOfGiven(
  kind: ElfKind,
  { architecture, emulator }: { readonly architecture: string; readonly emulator: string | undefined },
): Promise<EmulationMeans | undefined> {
  const registered = registeredEmulator(kind) ?? (alsoRuns[process.arch] === architecture ? undefined : emulator);
  if (registered === undefined || !hasOwnerHere(registered)) return undefined;
  const own = await tryEmulator(kind, { architecture, emulator: registered });
  return own.kind === 'own' ? own : undefined;
}

async function tryEmulator(
  kind: ElfKind,
  { architecture, emulator }: { readonly architecture: string; readonly emulator: string },
): Promise<EmulationMeans> {
  if (isUnspeakable(emulator)) {
    return missing(`The path of the emulator is too long: ${emulator}`);
  }
  if (!hasBinfmt()) {
    return missing(`This kernel knows no emulators (binfmt_misc): build for ${architecture} on such a machine`);
  }
  const registration = registrationOf(kind, emulator);
  const result = await probe(kind, registration);
  return result.kind === 'runs' ? { kind: 'own', registration } : missing(whyNot(result, { architecture, emulator }));
}

/** Asking for the file system loads its module, with which the folder in /proc comes. */
function hasBinfmt(): boolean {
  try {
    close(fsopen('binfmt_misc'));
    return true;
  } catch (error) {
    if (isSyscallError(error, 'ENODEV', 'EPERM', 'ENOSYS')) return false;
    throw error;
  }
}

function whyNot(
  result: Exclude<ProbeResult, { kind: 'runs' }>,
  { architecture, emulator }: { readonly architecture: string; readonly emulator: string },
): string {
  if (result.kind === 'fails') {
    return `The emulator ${emulator} does not run programs for ${architecture}: ${result.how}`;
  }
  const { syscall, code, subject } = result.error;
  if (syscall === 'execve' && code === 'ENOENT') {
    return `The emulator ${emulator} is not static: ${installIt(architecture)}`;
  }
  if (subject === 'emulator') {
    return `The emulator ${emulator} cannot be used: ${code}`;
  }
  return (
    `Linux ${release()} does not let a build have emulators of its own, which takes 6.7 (${code}): as root, register one for the whole ` +
    "machine, with the flag F as Debian's qemu-user-static does it"
  );
}

function noEmulator(architecture: string): EmulationMeans {
  return missing(
    `No emulator for ${architecture} is registered on this machine, and none is in PATH: ${installIt(architecture)}`,
  );
}

function installIt(architecture: string): string {
  return `install the package qemu-user-static, or name a static emulator with --emulator ${architecture}=PATH`;
}

function registeredBadly(architecture: string): string {
  return `The emulator that this machine has registered for ${architecture} does not work in an image, since it has not the flag F`;
}

function missing(hint: string): EmulationMeans {
  return { kind: 'missing', hint };
}
