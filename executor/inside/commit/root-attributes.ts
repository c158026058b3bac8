import { fchmodSync, fchownSync } from 'node:fs';
import { AT } from '../../../native/constants.ts';
import { fstatat } from '../../../native/files.ts';
import { layerTime, setTime } from '../files/file-times.ts';
import type { WalkOptions } from './walk.ts';

/**
 * Gives the root of a layer folder back what the layers below say of it: the tar of a layer does not speak of its root (nor does
 * BuildKit's), so what a step did to it must not be seen by the next.
 */
export function setRootAttributes({ upperFd, baseFd, buildStartNs }: WalkOptions): void {
  const { mode, uid, gid } = baseFd === undefined ? { mode: 0o755, uid: 0, gid: 0 } : fstatat(baseFd, '', AT.EMPTY_PATH);
  const mtime = layerTime(fstatat(upperFd, '', AT.EMPTY_PATH).mtimeNs, buildStartNs);
  fchownSync(upperFd, uid, gid);
  fchmodSync(upperFd, mode & 0o7777);
  setTime(upperFd, mtime);
}
