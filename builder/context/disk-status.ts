import type { BigIntStats } from 'node:fs';

/** What the kernel says of a file on this machine, without following a link. */
export interface DiskStatus {
  /** Type and permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly nlink: number;
  readonly dev: bigint;
  readonly ino: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly rdevMajor: number;
  readonly rdevMinor: number;
}

/** The same from Node. */
export function statusOf({ mode, uid, gid, size, nlink, dev, ino, mtimeNs, ctimeNs, rdev }: BigIntStats): DiskStatus {
  const owner = { uid: Number(uid), gid: Number(gid) };
  const times = { mtimeNs, ctimeNs };
  return { mode: Number(mode), ...owner, size: Number(size), nlink: Number(nlink), dev, ino, ...times, ...deviceNumbers(rdev) };
}

/** The kernel's 64-bit device number as the C library spells it. (makedev(3)) */
function deviceNumbers(rdev: bigint): { rdevMajor: number; rdevMinor: number } {
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & ~0xfffn);
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & ~0xffn);
  return { rdevMajor: Number(major), rdevMinor: Number(BigInt.asUintN(32, minor)) };
}
