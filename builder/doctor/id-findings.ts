import type { HelperFacts, MachineFacts } from './facts.ts';
import { type Finding, ok } from './finding.ts';

// Images expect the ids up to `nobody`, 65534.
const usualIds = 65_536;

/** What is known of user and group ids: subordinate ranges and the programs that map them. */
export function findIds(facts: MachineFacts): readonly Finding[] {
  if (facts.user.uid === 0) return findOwnIds(facts);
  const uids = countSubordinate(facts.subuid, facts.user);
  const gids = countSubordinate(facts.subgid, facts.user);
  const { name } = facts.user;
  if (uids === 0 || gids === 0) {
    return [
      {
        level: 'note',
        what: `"${name}" has no subordinate ids, so files of other owners cannot be made`,
        cures: [`sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${name}`],
      },
    ];
  }
  const few = Math.min(uids, gids);
  const amount: Finding =
    few >= usualIds
      ? ok(`"${name}" has ${few} subordinate ids`)
      : {
          level: 'note',
          what: `"${name}" has only ${few} subordinate ids; images may use any up to 65535`,
          cures: [`sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${name}`],
        };
  return [amount, ...findHelpers(facts)];
}

// Root maps what it has here, which in a container may be little.
function findOwnIds({ uidMap }: MachineFacts): readonly Finding[] {
  const count = uidMap
    .split('\n')
    .map((line) => Number(line.trim().split(/\s+/)[2] ?? 0))
    .reduce((sum, length) => sum + (Number.isFinite(length) ? length : 0), 0);
  if (count >= usualIds) return [ok(count >= 2 ** 32 - 1 ? 'Root, with all ids' : `Root, with ${count} ids`)];
  return [
    {
      level: 'note',
      what: `Root of a namespace with only ${count} ids; images may use any up to 65535`,
      cures: ['Give the container a range of 65536 ids'],
    },
  ];
}

function findHelpers({ helpers }: MachineFacts): readonly Finding[] {
  const missing = ['newuidmap', 'newgidmap'].filter((name) => helpers[name] === undefined);
  if (missing.length > 0) {
    return [
      {
        level: 'note',
        what: `${missing.join(' and ')} not found, so the subordinate ids cannot be used`,
        cures: [
          'Debian, Ubuntu: sudo apt-get install uidmap',
          'Fedora: sudo dnf install shadow-utils',
          'Alpine: apk add shadow-uidmap',
        ],
      },
    ];
  }
  const weak = Object.values({ u: helpers['newuidmap'], g: helpers['newgidmap'] }).filter(isWithoutSetuid);
  return weak.map(({ path }) => ({
    level: 'note' as const,
    what: `${path} is not setuid root; it then needs the file capability cap_setuid, which copies of images lose`,
    cures: [`sudo chmod u+s ${path}`],
  }));
}

function isWithoutSetuid(helper: HelperFacts | undefined): helper is HelperFacts {
  return helper !== undefined && !helper.isSetuid;
}

/** Ids that /etc/subuid or /etc/subgid gives a user, by name or by number. (subuid(5)) */
export function countSubordinate(text: string, { name, uid }: { readonly name: string; readonly uid: number }): number {
  return text
    .split('\n')
    .map((line) => line.split(':'))
    .filter(([owner]) => owner === name || owner === String(uid))
    .map(([, , count]) => Number(count))
    .reduce((sum, count) => sum + (Number.isSafeInteger(count) ? count : 0), 0);
}
