import { PR, SECCOMP_SET_MODE_FILTER } from '../../../../native/constants.ts';
import { CAPABILITIES, type CapabilityName, capabilityMask, capsetArguments } from '../../../../native/identity.ts';
import type { TapeEntry } from '../../../../native/tape/tape.ts';
import type { RunAction } from '../../../protocol/actions.ts';
import type { Confinement, SeccompProfile } from '../../../protocol/confinement.ts';
import { Refusal } from '../../request/failure.ts';
import { compileFilter, compileProfile } from '../seccomp/compile.ts';
import type { ProfileSubject } from '../seccomp/profile.ts';
import { changedCapabilities, droppedCapabilities } from './capabilities.ts';
import type { KernelFacts } from './kernel-facts.ts';

/** No terminal, no keys of the user who builds, and the umask of a login. */
export const freshSession: readonly TapeEntry[] = [
  { syscall: 'setsid', args: [] },
  // Kernels without keys, and users who may have no more of them, do without.
  { syscall: 'keyctl', args: [1 /* KEYCTL_JOIN_SESSION_KEYRING */, 0], mayFail: true },
  { syscall: 'umask', args: [0o022] },
];

/** What is taken from a command, in the order in which it has to be: before it leaves uid 0, after that, and as the last. */
export interface ConfinementEntries {
  readonly asRoot: readonly TapeEntry[];
  /** Root's capabilities are cut down to the bounding set. Others have none. */
  readonly held: readonly TapeEntry[];
  readonly last: readonly TapeEntry[];
  /** It has CAP_SYS_ADMIN. */
  readonly mayMount: boolean;
}

/**
 * A filter goes in while CAP_SYS_ADMIN is there, so that no_new_privs can stay off; a command that has no_new_privs gets it behind all other calls,
 * which a filter of the caller's may forbid. (seccomp(2))
 */
export function confinementEntries({ security, confinement = {} }: RunAction, kernel: KernelFacts): ConfinementEntries {
  const noNewPrivileges = confinement.hasNoNewPrivileges === true ? [withoutNewPrivileges] : [];
  if (security === 'insecure') return { asRoot: [], held: [], last: noNewPrivileges, mayMount: true };
  const names = changedCapabilities(confinement.capabilities);
  const filter = filters(confinement, names, kernel);
  const isFilterLast = noNewPrivileges.length > 0;
  return {
    asRoot: [...(isFilterLast ? [] : filter), ...boundingSet(names, kernel.lastCapability)],
    held: [cutDownTo(names)],
    last: [...noNewPrivileges, ...(isFilterLast ? filter : [])],
    mayMount: names.includes('CAP_SYS_ADMIN'),
  };
}

const withoutNewPrivileges: TapeEntry = { syscall: 'prctl', args: [PR.SET_NO_NEW_PRIVS, 1, 0, 0, 0], what: 'no new privileges' };

/** One, or none. `names` are the capabilities that the process keeps. */
function filters({ seccomp }: Confinement, names: readonly CapabilityName[], kernel: KernelFacts): readonly TapeEntry[] {
  if (seccomp === 'unconfined') return [];
  const { architecture, version } = kernel;
  const subject = { architecture, capabilities: names, kernel: version };
  if (seccomp === undefined) return [loaded(compileFilter(subject), 0)];
  return [loaded(ofProfile(seccomp, subject), seccomp.flags)];
}

function ofProfile(profile: SeccompProfile, subject: ProfileSubject): Uint8Array {
  const program = compileProfile(profile, subject);
  const count = program.length / 8;
  if (count <= BPF_MAXINSNS) return program;
  throw new Refusal(
    'not-supported',
    `Cannot use the seccomp profile: it becomes ${count} instructions, and the kernel takes ${BPF_MAXINSNS}`,
  );
}

const BPF_MAXINSNS = 4096;

function loaded(program: Uint8Array, flags: number): TapeEntry {
  // struct sock_fprog: the number of instructions, padding, a pointer to them.
  const length = Buffer.alloc(8);
  length.writeUInt16LE(program.length / 8);
  const header = { kind: 'block', parts: [length, { kind: 'pointer', to: program }] } as const;
  return { syscall: 'seccomp', args: [SECCOMP_SET_MODE_FILTER, flags, header], what: 'filter' };
}

function boundingSet(names: readonly CapabilityName[], last: number): TapeEntry[] {
  return droppedCapabilities(names, last).map(dropped);
}

/**
 * What takes a program of the image down to what a command has, or to everything but looking into other processes: beside it waits the one that
 * will be the command, which has the worker's memory and descriptors until then. Whoever lacks a capability that a process holds may not trace
 * it, nor open its /proc/PID/mem, fd or root, unless he has CAP_SYS_PTRACE. (cap_ptrace_access_check() in security/commoncap.c)
 */
export function hookConfinement({ security, confinement = {} }: RunAction, kernel: KernelFacts): readonly TapeEntry[] {
  if (security === 'sandbox') {
    const names = changedCapabilities(confinement.capabilities).filter((name) => name !== 'CAP_SYS_PTRACE');
    return [...filters(confinement, names, kernel), ...boundingSet(names, kernel.lastCapability), cutDownTo(names)];
  }
  const all = (1n << BigInt(kernel.lastCapability + 1)) - 1n;
  return [dropped(CAPABILITIES.CAP_SYS_PTRACE), capabilities(all & ~capabilityMask(['CAP_SYS_PTRACE']))];
}

function cutDownTo(names: readonly CapabilityName[]): TapeEntry {
  return capabilities(capabilityMask(names));
}

function dropped(number: number): TapeEntry {
  return { syscall: 'prctl', args: [PR.CAPBSET_DROP, number, 0, 0, 0], what: `capability ${number}` };
}

function capabilities(mask: bigint): TapeEntry {
  const held = { effective: mask, permitted: mask, inheritable: 0n };
  return { syscall: 'capset', args: capsetArguments(held), what: 'capabilities' };
}
