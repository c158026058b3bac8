import { PR } from '../../../../native/constants.ts';
import type { TapeEntry } from '../../../../native/tape/tape.ts';

/**
 * What a process has from the one that started it, through execve() too, and could show in a result: `setarch i686 tsbuild` would make `uname -m`
 * say i686. Every command has the kernel's defaults. What kernels and processors do not have may fail. (personality(2), prctl(2))
 */
export const ordinaryProcess: readonly TapeEntry[] = [
  { syscall: 'personality', args: [0 /* PER_LINUX */] },
  { syscall: 'prctl', args: [PR.SET_TIMERSLACK, 50_000 /* ns */], what: 'timer slack' },
  { syscall: 'prctl', args: [PR.SET_THP_DISABLE, 0, 0, 0, 0], what: 'huge pages', mayFail: true },
  { syscall: 'prctl', args: [PR.SET_MEMORY_MERGE, 0, 0, 0, 0], what: 'merged memory', mayFail: true },
  { syscall: 'prctl', args: [PR.MCE_KILL, 0 /* PR_MCE_KILL_CLEAR */, 0, 0, 0], what: 'memory errors', mayFail: true },
  { syscall: 'prctl', args: [PR.SET_TSC, 1 /* PR_TSC_ENABLE */], what: 'time stamp counter', mayFail: true },
];

/**
 * In the host's network the abstract sockets of its programs can be reached, and they take a command for the user: the kernel tells them that uid
 * (CVE-2020-15257). A Landlock domain that handles nothing but scopes keeps a command to sockets of its own, and to signalling processes of its
 * own; files and mounts are as they were. It takes CAP_SYS_ADMIN, since no_new_privs stays off. `position` is how many entries the tape has before.
 * (landlock(7), Linux 6.12)
 */
export function scopesAt(position: number): readonly TapeEntry[] {
  return [
    { syscall: 'landlock_create_ruleset', args: [ruleset(), 24, 0], what: 'scopes' },
    { syscall: 'landlock_restrict_self', args: [{ kind: 'result', entry: position }, 0], what: 'scopes' },
  ];
}

/** `struct landlock_ruleset_attr`: rights to files, rights to the network, scopes. */
function ruleset(): Uint8Array {
  const bytes = Buffer.alloc(24);
  bytes.writeBigUInt64LE(1n /* ABSTRACT_UNIX_SOCKET */ | 2n /* SIGNAL */, 16);
  return bytes;
}
