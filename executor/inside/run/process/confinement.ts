import { PR, SECCOMP_SET_MODE_FILTER } from '../../../../native/constants.ts';
import { CAPABILITIES, capabilityMask, capsetArguments } from '../../../../native/identity.ts';
import type { TapeEntry } from '../../../../native/tape/tape.ts';
import { compileFilter } from '../seccomp/compile.ts';
import { droppedCapabilities, sandboxCapabilities, sandboxCapabilityMask } from './capabilities.ts';
import type { KernelFacts } from './kernel-facts.ts';

/** No terminal, no keys of the user who builds, and the umask of a login. */
export const freshSession: readonly TapeEntry[] = [
  { syscall: 'setsid', args: [] },
  // Kernels without keys, and users who may have no more of them, do without.
  { syscall: 'keyctl', args: [1 /* KEYCTL_JOIN_SESSION_KEYRING */, 0], mayFail: true },
  { syscall: 'umask', args: [0o022] },
];

export function filter({ architecture, version }: KernelFacts): TapeEntry {
  const program = compileFilter({ architecture, capabilities: sandboxCapabilities, kernel: version });
  // struct sock_fprog: the number of instructions, padding, a pointer to them.
  const length = Buffer.alloc(8);
  length.writeUInt16LE(program.length / 8);
  const header = { kind: 'block', parts: [length, { kind: 'pointer', to: program }] } as const;
  return { syscall: 'seccomp', args: [SECCOMP_SET_MODE_FILTER, 0, header], what: 'filter' };
}

export function boundingSet(last: number): TapeEntry[] {
  return droppedCapabilities(last).map(dropped);
}

/** Root's capabilities are cut down to the bounding set. */
export const heldCapabilities: TapeEntry = capabilities(sandboxCapabilityMask);

/**
 * What takes a program of the image down to what a command has, or to everything but looking into other processes: beside it waits the one that
 * will be the command, which has the worker's memory and descriptors until then. Whoever lacks a capability that a process holds may not trace
 * it, nor open its /proc/PID/mem, fd or root, unless he has CAP_SYS_PTRACE. (cap_ptrace_access_check() in security/commoncap.c)
 */
export function hookConfinement(isSandboxed: boolean, kernel: KernelFacts): readonly TapeEntry[] {
  if (isSandboxed) return [filter(kernel), ...boundingSet(kernel.lastCapability), heldCapabilities];
  const all = (1n << BigInt(kernel.lastCapability + 1)) - 1n;
  return [dropped(CAPABILITIES.CAP_SYS_PTRACE), capabilities(all & ~capabilityMask(['CAP_SYS_PTRACE']))];
}

function dropped(number: number): TapeEntry {
  return { syscall: 'prctl', args: [PR.CAPBSET_DROP, number, 0, 0, 0], what: `capability ${number}` };
}

function capabilities(mask: bigint): TapeEntry {
  const held = { effective: mask, permitted: mask, inheritable: 0n };
  return { syscall: 'capset', args: capsetArguments(held), what: 'capabilities' };
}
