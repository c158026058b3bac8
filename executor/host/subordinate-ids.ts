import { parseIdMap } from '../../native/id-extents.ts';
import type { HostUser, IdSources } from './id-map.ts';

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

/** The ranges of a user in /etc/subuid or /etc/subgid: lines `name:start:count` or `uid:start:count`. (subuid(5)) */
export function subordinateRanges(text: string, user: HostUser): IdRange[] {
  return text.split('\n').flatMap((line) => {
    const match = /^([^:#]+):(\d{1,10}):(\d{1,10})\s*$/.exec(line.trim());
    const [, owner, start, count] = match ?? [];
    const isOurs = owner === user.name || owner === String(user.uid);
    return isOurs && Number(count) > 0 ? [{ start: Number(start), count: Number(count) }] : [];
  });
}

/**
 * The first ids that nobody has been given, as useradd(8) looks for them, the same for users and groups. undefined: this machine, which
 * may be a container with few ids, has none left.
 */
export function freeRange({ subuid, subgid, uidMap, gidMap }: IdSources): IdRange | undefined {
  const taken = [...rangesOfAll(subuid), ...rangesOfAll(subgid)];
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

/** The command that gives a user subordinate ids, or says why there is none. */
export function subordinateCure(user: HostUser, sources: IdSources): string {
  const range = freeRange(sources);
  if (range === undefined) return 'Give this container more ids: it has none that could be given to the user';
  const ids = `${range.start}-${range.start + range.count - 1}`;
  return `sudo usermod --add-subuids ${ids} --add-subgids ${ids} ${user.name}`;
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
