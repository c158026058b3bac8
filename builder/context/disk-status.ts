import type { BigIntStats } from 'node:fs';
import { deviceParts, partsOfStamp, type StampParts } from '../../cache/records/stamped-files.ts';

/** What the kernel says of a file on this machine, without following a link. */
export interface DiskStatus extends StampParts {
  /** Type and permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly nlink: number;
  readonly rdevMajor: number;
  readonly rdevMinor: number;
}

/** The same from Node. */
export function statusOf(stats: BigIntStats): DiskStatus {
  const { mode, uid, gid, nlink, rdev } = stats;
  const owner = { uid: Number(uid), gid: Number(gid) };
  const { major: rdevMajor, minor: rdevMinor } = deviceParts(rdev);
  return { mode: Number(mode), ...owner, nlink: Number(nlink), rdevMajor, rdevMinor, ...partsOfStamp(stats) };
}
