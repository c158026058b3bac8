import { userInfo } from 'node:os';
import { machineText } from './machine-text.ts';

/** Who runs main. */
export interface HostUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** The texts that say which ids a user may have. */
export interface IdSources {
  /** /etc/subuid; '' when it is not there. */
  readonly subuid: string;
  /** /etc/subgid. */
  readonly subgid: string;
  /** /proc/self/uid_map. */
  readonly uidMap: string;
  /** /proc/self/gid_map. */
  readonly gidMap: string;
}

/** Who runs main. Ids without a passwd entry are usual in containers; their name is their number, as /etc/subuid may list it. */
export function currentUser(): HostUser {
  const uid = process.geteuid?.() ?? 0;
  const gid = process.getegid?.() ?? 0;
  try {
    return { name: userInfo().username, uid, gid };
  } catch {
    return { name: String(uid), uid, gid };
  }
}

/** What this machine says of ids. What cannot be read says nothing. */
export function readIdSources(): IdSources {
  return {
    subuid: machineText('/etc/subuid'),
    subgid: machineText('/etc/subgid'),
    uidMap: machineText('/proc/self/uid_map'),
    gidMap: machineText('/proc/self/gid_map'),
  };
}
