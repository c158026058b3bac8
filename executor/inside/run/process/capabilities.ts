import { CAPABILITIES, type CapabilityName } from '../../../../native/identity.ts';
import type { CapabilityChanges } from '../../../protocol/confinement.ts';

/** What root may do in a RUN: docker's default set, 00000000a80425fb. Exported for tests. */
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

/** What root may do where that was asked to be otherwise. Dropping a name wins over adding it. */
export function changedCapabilities(changes: CapabilityChanges | undefined): readonly CapabilityName[] {
  if (changes === undefined) return sandboxCapabilities;
  const { from, added, dropped } = changes;
  const kept = new Set([...(from === 'usual' ? sandboxCapabilities : []), ...added].filter((name) => !dropped.includes(name)));
  return [...kept];
}

/** The numbers that have to leave the bounding set. `last` is the kernel's highest, which may be one that we have no name for. */
export function droppedCapabilities(names: readonly CapabilityName[], last: number): number[] {
  const kept = new Set<number>(names.map((name) => CAPABILITIES[name]));
  return Array.from({ length: last + 1 }, (_, number) => number).filter((number) => !kept.has(number));
}
