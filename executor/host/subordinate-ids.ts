import { parseIdMap } from '../../native/id-extents.ts';
import type { HostUser, IdSources } from './host-user.ts';

/** Ids from `start` on. */
export interface IdRange {
  readonly start: number;
  readonly count: number;
}

/** How many ids images expect: those up to `nobody`, 65534, and one. */
export const usualIds = 65_536;

/** SUB_UID_MIN and SUB_UID_MAX where nobody has set others. (login.defs(5)) */
const lowest = 100_000;
const highest = 600_100_000;

/** The ids below this one can be given: the last is none. (user_namespaces(7)) */
const endOfIds = 2 ** 32 - 1;

/**
 * The ranges of a user in /etc/subuid or /etc/subgid: lines `name:start:count` or `uid:start:count`. (subuid(5)) Lines that newuidmap(1)
 * passes over, such as those that end in a carriage return, are none.
 */
export function subordinateRanges(text: string, user: HostUser): IdRange[] {
  return linesOf(text, user).flatMap((line) => rangeOf(line) ?? []);
}

function linesOf(text: string, { name, uid }: HostUser): readonly string[] {
  return text.split('\n').filter((line) => [name, String(uid)].includes(line.split(':')[0] ?? ''));
}

function rangeOf(line: string): IdRange | undefined {
  const [, start, count] = /^[^:#]+:(\d{1,10}):(\d{1,10})$/.exec(line) ?? [];
  const range = { start: Number(start), count: Number(count) };
  return range.count > 0 && range.start + range.count <= endOfIds ? range : undefined;
}

/**
 * The first ids that nobody has been given, as useradd(8) looks for them, the same for users and groups. undefined: this machine, which
 * may be a container with few ids, has none left.
 *
 * Exported for tests.
 */
export function freeRange({ subuid, subgid, uidMap, gidMap }: IdSources, user: HostUser): IdRange | undefined {
  const own = [user.uid, user.gid].map((start) => ({ start, count: 1 }));
  const taken = [...rangesOfAll(subuid), ...rangesOfAll(subgid), ...own];
  const maps = [parseIdMap(uidMap), parseIdMap(gidMap)];
  const starts = [
    lowest,
    ...taken.map(({ start, count }) => start + count),
    ...maps.flatMap((map) => map.map(({ inside }) => inside)),
  ];
  return starts
    .filter((start) => start >= lowest && start + usualIds <= highest)
    .map((start) => ({ start, count: usualIds }))
    .filter((range) => !taken.some((other) => overlaps(range, other)))
    .filter((range) =>
      maps.every((map) => map.length === 0 || map.some(({ inside, count }) => isWithin(range, { start: inside, count }))),
    )
    .toSorted((left, right) => left.start - right.start)[0];
}

/** How a user gets subordinate ids: a command, or words where there is none. */
export interface IdCure {
  readonly kind: 'command' | 'advice';
  readonly text: string;
}

/** What gives a user subordinate ids, or more of them. */
export function subordinateCure(user: HostUser, sources: IdSources): IdCure {
  const mend = uselessLine('/etc/subuid', sources.subuid, user) ?? uselessLine('/etc/subgid', sources.subgid, user);
  if (mend !== undefined) return { kind: 'advice', text: mend };
  const range = freeRange(sources, user);
  if (range === undefined) {
    return { kind: 'advice', text: 'Give this container more ids: it has none that could be given to the user' };
  }
  const ids = `${range.start}-${range.start + range.count - 1}`;
  return { kind: 'command', text: `sudo usermod --add-subuids ${ids} --add-subgids ${ids} ${user.name}` };
}

/** What is wrong with the first line of a user that gives no ids. Somebody meant to give some, so it is mended before ids are added. */
function uselessLine(file: '/etc/subuid' | '/etc/subgid', text: string, user: HostUser): string | undefined {
  const own = file === '/etc/subuid' ? user.uid : user.gid;
  for (const line of linesOf(text, user)) {
    const range = rangeOf(line);
    if (range === undefined) {
      return `Mend the line ${JSON.stringify(line)} of ${file}: it must be NAME:START:COUNT, with ids below ${endOfIds}`;
    }
    if (overlaps(range, { start: own, count: 1 })) {
      return `Mend the line ${JSON.stringify(line)} of ${file}: the id of the user itself, ${own}, is one of its range`;
    }
  }
  return undefined;
}

/** Whatever may be taken for a range counts, however odd the line: two users with the same ids could read each other's files. */
function rangesOfAll(text: string): IdRange[] {
  return text.split('\n').flatMap((line) => {
    const [, start, count] = /^[^:#]+:(\d+):(\d+)/.exec(line) ?? [];
    return start === undefined ? [] : [{ start: Number(start), count: Number(count) }];
  });
}

function overlaps(one: IdRange, other: IdRange): boolean {
  return one.start < other.start + other.count && other.start < one.start + one.count;
}

function isWithin(inner: IdRange, outer: IdRange): boolean {
  return inner.start >= outer.start && inner.start + inner.count <= outer.start + outer.count;
}
