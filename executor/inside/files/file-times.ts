import { AT } from '../../../native/constants.ts';
import { utimensat } from '../../../native/files.ts';
import { constantTimeSeconds } from '../../../registry/oci/layer/constant-time.ts';

/** Nanoseconds of a second. */
export const second = 1_000_000_000n;

/** Whole seconds of a time, rounded down. */
export function wholeSeconds(timeNs: bigint): number {
  const rest = timeNs % second;
  return Number((timeNs - (rest < 0n ? rest + second : rest)) / second);
}

/**
 * The time that a file has in its layer. What the build itself touched tells the time of day, which may not leak into a digest, so it
 * gets the constant time; older times come out of packages and archives, are content, and stay. Many programs set times in whole seconds (busybox, tar):
 * what they do in the second in which the build began is the build's too.
 */
export function layerTime(mtimeNs: bigint, buildStartNs: bigint): number {
  const mtime = wholeSeconds(mtimeNs);
  return mtime >= wholeSeconds(buildStartNs) ? constantTimeSeconds : mtime;
}

/** What the constant time and later times become at an epoch. Seconds. */
export function timeAtEpoch(mtime: number, epoch: number): number {
  return mtime === constantTimeSeconds || mtime > epoch ? epoch : mtime;
}

/** Sets both times of an open file, of any kind, to whole seconds. Not futimesSync(), which takes times before 1970 for now. */
export function setTime(fd: number, seconds: number): void {
  const timeNs = BigInt(seconds) * second;
  utimensat(fd, '', { atimeNs: timeNs, mtimeNs: timeNs }, AT.EMPTY_PATH);
}
