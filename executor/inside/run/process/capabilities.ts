import { CAPABILITIES, type CapabilityName, capabilityMask } from '../../../../native/identity.ts';

/** What root may do in a RUN: docker's default set, 00000000a80425fb. */
export const sandboxCapabilities: readonly CapabilityName[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FSETID',
  'CAP_FOWNER',
  'CAP_MKNOD',
  'CAP_NET_RAW',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETFCAP',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
  'CAP_KILL',
  'CAP_AUDIT_WRITE',
];

/** The capabilities as a bit mask. */
export const sandboxCapabilityMask: bigint = capabilityMask(sandboxCapabilities);

/** The numbers that have to leave the bounding set. `last` is the kernel's highest, which may be one that we have no name for. */
export function droppedCapabilities(last: number): number[] {
  const kept = new Set<number>(sandboxCapabilities.map((name) => CAPABILITIES[name]));
  return Array.from({ length: last + 1 }, (_, number) => number).filter((number) => !kept.has(number));
}
