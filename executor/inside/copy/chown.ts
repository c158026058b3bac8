import { Refusal } from '../request/failure.ts';
import type { Owner } from '../root/owner.ts';
import { groupId, numericId, resolveUser, type UserDatabase } from '../root/users.ts';

/**
 * Who `--chown=user[:group]` is, and who owns what a WORKDIR makes. A number without a group is the group too; a name takes its primary
 * group; nothing at all is 0, as is root, whatever the image says; names come from the root that is copied to. Refuses names that it does
 * not know, where BuildKit would silently take root. (BuildKit, client/llb/fileop.go)
 */
export function resolveChown(text: string, database: UserDatabase): Owner {
  const [userText = '', groupText] = text.split(':', 2);
  const uid = numericId(userText);
  const user = uid === undefined ? namedUser(userText, database) : { uid, gid: uid };
  return { uid: user.uid, gid: groupText === undefined ? user.gid : groupNumber(groupText, database) };
}

function namedUser(name: string, database: UserDatabase): Owner {
  return isRoot(name) ? { uid: 0, gid: 0 } : resolveUser(name, database);
}

function groupNumber(name: string, database: UserDatabase): number {
  return isRoot(name) ? 0 : groupId(name, database);
}

function isRoot(name: string): boolean {
  return name === '' || name === 'root';
}

/** `--link` does not look at the destination's files, so names other than root mean nothing to it. */
export function resolveLinkChown(text: string): Owner {
  try {
    return resolveChown(text, { users: [], groups: [] });
  } catch (error) {
    if (error instanceof Refusal) {
      throw new Refusal(
        error.code,
        `Cannot use --chown=${text} with --link: --link does not read the image's /etc/passwd and /etc/group`,
        'Give numbers, or leave --link out',
      );
    }
    throw error;
  }
}
