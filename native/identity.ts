import { readFileSync } from 'node:fs';
import { type IdExtent, parseIdMap } from './id-extents.ts';
import { systemCall } from './libc.ts';

const calls = {
  capget: systemCall('capget', 'pointer', 'pointer'),
};

/** Capabilities by number. (capabilities(7)) */
export const CAPABILITIES = {
  CAP_CHOWN: 0,
  CAP_DAC_OVERRIDE: 1,
  CAP_DAC_READ_SEARCH: 2,
  CAP_FOWNER: 3,
  CAP_FSETID: 4,
  CAP_KILL: 5,
  CAP_SETGID: 6,
  CAP_SETUID: 7,
  CAP_SETPCAP: 8,
  CAP_LINUX_IMMUTABLE: 9,
  CAP_NET_BIND_SERVICE: 10,
  CAP_NET_BROADCAST: 11,
  CAP_NET_ADMIN: 12,
  CAP_NET_RAW: 13,
  CAP_IPC_LOCK: 14,
  CAP_IPC_OWNER: 15,
  CAP_SYS_MODULE: 16,
  CAP_SYS_RAWIO: 17,
  CAP_SYS_CHROOT: 18,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_PACCT: 20,
  CAP_SYS_ADMIN: 21,
  CAP_SYS_BOOT: 22,
  CAP_SYS_NICE: 23,
  CAP_SYS_RESOURCE: 24,
  CAP_SYS_TIME: 25,
  CAP_SYS_TTY_CONFIG: 26,
  CAP_MKNOD: 27,
  CAP_LEASE: 28,
  CAP_AUDIT_WRITE: 29,
  CAP_AUDIT_CONTROL: 30,
  CAP_SETFCAP: 31,
  CAP_MAC_OVERRIDE: 32,
  CAP_MAC_ADMIN: 33,
  CAP_SYSLOG: 34,
  CAP_WAKE_ALARM: 35,
  CAP_BLOCK_SUSPEND: 36,
  CAP_AUDIT_READ: 37,
  CAP_PERFMON: 38,
  CAP_BPF: 39,
  CAP_CHECKPOINT_RESTORE: 40,
} as const;

export type CapabilityName = keyof typeof CAPABILITIES;

/** Sets of capabilities as bit masks. */
export interface CapabilitySets {
  readonly effective: bigint;
  readonly permitted: bigint;
  readonly inheritable: bigint;
}

/** A bit mask of capabilities. */
export function capabilityMask(names: readonly CapabilityName[]): bigint {
  return names.reduce((mask, name) => mask | (1n << BigInt(CAPABILITIES[name])), 0n);
}

/** The two arguments of capget() and capset(), for a tape: version 3, the calling thread. (capset(2)) */
export function capsetArguments(sets: CapabilitySets): [header: Uint8Array, data: Uint8Array] {
  const data = Buffer.alloc(24);
  for (const [index, set] of [sets.effective, sets.permitted, sets.inheritable].entries()) {
    data.writeUInt32LE(Number(set & 0xffff_ffffn), index * 4);
    data.writeUInt32LE(Number(set >> 32n), 12 + index * 4);
  }
  return [capabilityHeader(), data];
}

/** What the calling thread may do. (capget(2)) Exported for tests. */
export function currentCapabilities(): CapabilitySets {
  const data = Buffer.alloc(24);
  calls.capget(capabilityHeader(), data);
  const set = (index: number): bigint =>
    BigInt(data.readUInt32LE(index * 4)) | (BigInt(data.readUInt32LE(12 + index * 4)) << 32n);
  return { effective: set(0), permitted: set(1), inheritable: set(2) };
}

/** The ids that a user namespace has. */
export interface IdMaps {
  readonly uids: readonly IdExtent[];
  readonly gids: readonly IdExtent[];
}

let idMaps: IdMaps | undefined;

/** The ids that this process' user namespace has: they are written once, before it becomes a program. (user_namespaces(7)) */
export function currentIdMaps(): IdMaps {
  idMaps ??= {
    uids: parseIdMap(readFileSync('/proc/self/uid_map', 'utf8')),
    gids: parseIdMap(readFileSync('/proc/self/gid_map', 'utf8')),
  };
  return idMaps;
}

function capabilityHeader(): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(0x20080522, 0);
  return header;
}
