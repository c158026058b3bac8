import { isSyscallError } from '../../../native/syscall-error.ts';
import { Refusal } from '../request/failure.ts';
import { readFileInRoot } from './resolve-in-root.ts';

/** A line of /etc/passwd. (passwd(5)) */
interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** A line of /etc/group. (group(5)) */
interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** Who a process is. */
export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups; none when a group was asked for. */
  readonly groups: readonly number[];
  /** `/` when passwd does not say. */
  readonly home: string;
}

/** The users and groups that a root file system knows. */
export interface UserDatabase {
  readonly users: readonly PasswdEntry[];
  readonly groups: readonly GroupEntry[];
}

const limitBytes = 16 * 1024 * 1024;

/** Reads passwd and group of a root. Files that are missing or not regular hold nobody. Lines that are not understood are left out. */
export function readUserDatabase(rootFd: number): UserDatabase {
  return {
    users: parsePasswd(readText(rootFd, 'etc/passwd')),
    groups: parseGroup(readText(rootFd, 'etc/group')),
  };
}

/**
 * Who `user[:group]` is, by docker's rules: a number is always an id; an unknown number is that id with group 0 and home `/`; a group
 * that is asked for replaces the primary group and all supplementary ones; '' is root. Pure.
 * Refuses with `unknown-user` or `unknown-group` for names that the root does not know.
 */
export function resolveUser(specification: string, database: UserDatabase): ResolvedUser {
  const [userText = '', groupText = ''] = splitOnce(specification === '' ? '0' : specification);
  const entry = findUser(userText === '' ? '0' : userText, database);
  const uid = entry?.uid ?? numericId(userText);
  if (uid === undefined) {
    throw new Refusal(
      'unknown-user',
      `Cannot use the user "${userText}": the image's /etc/passwd has no such name`,
      'Add the user in an earlier step, or give its number',
    );
  }
  const home = entry === undefined || entry.home === '' ? '/' : entry.home;
  if (groupText !== '') {
    return { uid, gid: groupId(groupText, database), groups: [], home };
  }
  return { uid, gid: entry?.gid ?? 0, groups: entry === undefined ? [] : groupsOf(entry.name, database), home };
}

/** The entry of a user by name or number; undefined when there is none. */
function findUser(nameOrId: string, { users }: UserDatabase): PasswdEntry | undefined {
  const id = numericId(nameOrId);
  return users.find((user) => (id === undefined ? user.name === nameOrId : user.uid === id));
}

/** The id of a group by name or number. Refuses with `unknown-group`. */
export function groupId(nameOrId: string, { groups }: UserDatabase): number {
  const id = numericId(nameOrId);
  const found = id ?? groups.find((group) => group.name === nameOrId)?.gid;
  if (found === undefined) {
    throw new Refusal(
      'unknown-group',
      `Cannot use the group "${nameOrId}": the image's /etc/group has no such name`,
      'Add the group in an earlier step, or give its number',
    );
  }
  return found;
}

/** A decimal id, or undefined for what is not one. */
export function numericId(text: string): number | undefined {
  const id = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  // 2^32-1 means "no change" to chown() and setresuid().
  return id <= 0xff_ff_ff_fe ? id : undefined;
}

/** The lines of a passwd file. Exported for tests. */
export function parsePasswd(text: string): PasswdEntry[] {
  return text.split('\n').flatMap((line) => {
    const [name = '', , uidText = '', gidText = '', , home = ''] = line.split(':');
    const uid = numericId(uidText);
    const gid = numericId(gidText);
    return name === '' || uid === undefined || gid === undefined ? [] : [{ name, uid, gid, home }];
  });
}

/** The lines of a group file. Exported for tests. */
export function parseGroup(text: string): GroupEntry[] {
  return text.split('\n').flatMap((line) => {
    const [name = '', , gidText = '', members = ''] = line.split(':');
    const gid = numericId(gidText);
    return name === '' || gid === undefined ? [] : [{ name, gid, members: members.split(',').filter((member) => member !== '') }];
  });
}

function groupsOf(user: string, { groups }: UserDatabase): number[] {
  return groups.filter((group) => group.members.includes(user)).map((group) => group.gid);
}

function splitOnce(text: string): readonly string[] {
  const colon = text.indexOf(':');
  return colon === -1 ? [text] : [text.slice(0, colon), text.slice(colon + 1)];
}

function readText(rootFd: number, path: string): string {
  try {
    return readFileInRoot(rootFd, path, limitBytes)?.toString('utf8') ?? '';
  } catch (error) {
    if (isSyscallError(error, 'ELOOP')) {
      throw new Refusal('not-supported', `Cannot read "/${path}" of the image: it is a symbolic link to itself`);
    }
    throw error;
  }
}
