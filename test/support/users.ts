import { readFileSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';

/** Somebody to run the program as. */
export interface TestUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** `root`; a user with subordinate ids; a user without. */
export type UserKind = 'root' | 'subids' | 'single';

/**
 * The users that tests can run as. Root has made two with test/setup.sh; anybody else can only be itself, which is one of the two kinds.
 */
export function testUsers(): Readonly<Partial<Record<UserKind, TestUser>>> {
  if (process.getuid?.() !== 0) return self();
  const found = { subids: fromPasswd('tsbuild-subids'), single: fromPasswd('tsbuild-single') };
  return {
    root: { name: 'root', uid: 0, gid: 0, home: '/root' },
    ...(found.subids && { subids: found.subids }),
    ...(found.single && { single: found.single }),
  };
}

function self(): Readonly<Partial<Record<UserKind, TestUser>>> {
  const { username, uid, gid } = userInfo();
  const user = { name: username, uid, gid, home: homedir() };
  return hasSubordinateIds(user) ? { subids: user } : { single: user };
}

function fromPasswd(name: string): TestUser | undefined {
  const line = linesOf('/etc/passwd').find((text) => text.startsWith(`${name}:`));
  const [, , uid, gid, , home] = line?.split(':') ?? [];
  if (uid === undefined || gid === undefined || home === undefined) return undefined;
  return { name, uid: Number(uid), gid: Number(gid), home };
}

function hasSubordinateIds({ name, uid }: TestUser): boolean {
  return ['/etc/subuid', '/etc/subgid'].every((path) =>
    linesOf(path).some((line) => line.startsWith(`${name}:`) || line.startsWith(`${uid}:`)),
  );
}

function linesOf(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch {
    return [];
  }
}
