import { createHash } from 'node:crypto';
import { type IdExtent, parseIdMap } from '../../native/id-extents.ts';
import type { IdSources } from './host-user.ts';
import { formatIdMap, type IdPlan } from './id-map.ts';
import { usualIds } from './subordinate-ids.ts';

/**
 * Names an id map by the owners that it gives to files on disk: the same name for a user and for root of a container that is made of that
 * user's ids, another one for each range. Ids are followed one namespace up, which is as far as can be seen. (user_namespaces(7))
 */
export function nameOfIdMap({ uids, gids }: Pick<IdPlan, 'uids' | 'gids'>, { uidMap, gidMap }: IdSources): string {
  const users = formatIdMap(joined(seenFromOutside(uids, parseIdMap(uidMap))));
  const groups = formatIdMap(joined(seenFromOutside(gids, parseIdMap(gidMap))));
  return createHash('sha256').update(`${users}\0${groups}`).digest('hex').slice(0, 12);
}

/**
 * Which ids a command finds, as far as steps can tell: undefined when there are at least 65536 users and groups, which all images and tools
 * count on, so that results of all such maps are the same.
 */
export function rangeOfIds({ uids, gids }: Pick<IdPlan, 'uids' | 'gids'>): string | undefined {
  if (isUsual(uids) && isUsual(gids)) return undefined;
  return `users ${describe(uids)}, groups ${describe(gids)}`;
}

function isUsual(extents: readonly IdExtent[]): boolean {
  const [first] = insideRanges(extents);
  return first !== undefined && first.inside === 0 && first.count >= usualIds;
}

function describe(extents: readonly IdExtent[]): string {
  return insideRanges(extents)
    .map(({ inside, count }) => (count === 1 ? `${inside}` : `${inside}-${inside + count - 1}`))
    .join(' ');
}

/** Only the side that commands see; what touches is one range. */
function insideRanges(extents: readonly IdExtent[]): readonly IdExtent[] {
  return joined(extents.map(({ inside, count }) => ({ inside, outside: inside, count })));
}

/** The ids of the map, as the parent of our own namespace has them. */
function seenFromOutside(extents: readonly IdExtent[], own: readonly IdExtent[]): readonly IdExtent[] {
  return extents.flatMap(({ inside, outside, count }) =>
    own.flatMap((part) => {
      const start = Math.max(outside, part.inside);
      const end = Math.min(outside + count, part.inside + part.count);
      if (start >= end) return [];
      return [{ inside: inside + start - outside, outside: part.outside + start - part.inside, count: end - start }];
    }),
  );
}

function joined(extents: readonly IdExtent[]): readonly IdExtent[] {
  const all: { inside: number; outside: number; count: number }[] = [];
  for (const extent of extents.toSorted((one, other) => one.inside - other.inside)) {
    const last = all.at(-1);
    const isNext =
      last !== undefined && last.inside + last.count === extent.inside && last.outside + last.count === extent.outside;
    if (isNext) last.count += extent.count;
    else all.push({ ...extent });
  }
  return all;
}
