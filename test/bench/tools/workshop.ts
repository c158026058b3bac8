import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type TestUser, testUsers } from '../../support/users.ts';
import type { Command } from '../measure.ts';

/** Where tools work, and as whom. */
export interface Workshop {
  /** Belongs to the user. */
  readonly folder: string;
  readonly user: TestUser;
}

/** Makes one in a folder, for a user with subordinate ids if there is one. */
export function openWorkshop(folder: string): Workshop {
  const users = testUsers();
  const user = users.subids ?? users.single ?? users.root;
  if (user === undefined) throw new Error('Cannot measure: there is no user to run as');
  chmodSync(folder, 0o755);
  const workshop = { folder: join(folder, 'work'), user };
  for (const name of ['', 'home', 'runtime']) ownFolder(workshop, name);
  return workshop;
}

/** Makes a folder in the workshop, of the user alone. */
export function ownFolder({ folder, user }: Workshop, name: string): string {
  const path = join(folder, name);
  mkdirSync(path, { mode: 0o700 });
  if (process.getuid?.() === 0) chownSync(path, user.uid, user.gid);
  return path;
}

/** A command as the user of the workshop. */
export function command({ folder, user }: Workshop, argv: readonly string[]): Command {
  const isRoot = process.getuid?.() === 0;
  return {
    argv,
    cwd: folder,
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: join(folder, 'home'),
      USER: user.name,
      XDG_RUNTIME_DIR: join(folder, 'runtime'),
      ...proxies(),
    },
    ...(isRoot && { uid: user.uid, gid: user.gid }),
  };
}

function proxies(): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      /^(https?|no)_proxy$/i.test(name) && value !== undefined ? [[name, value]] : [],
    ),
  );
}
