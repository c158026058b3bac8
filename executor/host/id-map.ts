import { type IdExtent, parseIdMap } from '../../native/id-extents.ts';
import type { HostUser, IdSources } from './host-user.ts';
import { type IdRange, subordinateRanges } from './subordinate-ids.ts';

/** Which ids the worker's user namespace has, and who writes them. */
export interface IdPlan {
  readonly kind: 'root' | 'subordinate-ids' | 'single-id';
  readonly uids: readonly IdExtent[];
  readonly gids: readonly IdExtent[];
}

/** A map of more lines than the kernel takes is cut. (user_namespaces(7)) */
const maximumExtents = 340;

/**
 * The plans that may work for a user, the best first. Root gets every id it has here, under the same number. Others become root
 * inside, with their subordinate ids from 1 on, or with nothing else.
 */
export function planIdMaps(user: HostUser, sources: IdSources): IdPlan[] {
  const single: IdPlan = { kind: 'single-id', uids: [oneId(user.uid)], gids: [oneId(user.gid)] };
  if (user.uid === 0) {
    return [{ kind: 'root', uids: identity(sources.uidMap), gids: identity(sources.gidMap) }, single];
  }
  const uids = behindOwn(user.uid, subordinateRanges(sources.subuid, user));
  const gids = behindOwn(user.gid, subordinateRanges(sources.subgid, user));
  if (uids.length === 1 || gids.length === 1) return [single];
  return [{ kind: 'subordinate-ids', uids, gids }, single];
}

/** How many ids a map has. */
export function countIds(extents: readonly IdExtent[]): number {
  return extents.reduce((sum, { count }) => sum + count, 0);
}

/** The text to write to /proc/PID/uid_map or gid_map. */
export function formatIdMap(extents: readonly IdExtent[]): string {
  return extents.map(({ inside, outside, count }) => `${inside} ${outside} ${count}\n`).join('');
}

/** The arguments of newuidmap and newgidmap after the process id. */
export function helperArguments(extents: readonly IdExtent[]): string[] {
  return extents.flatMap(({ inside, outside, count }) => [String(inside), String(outside), String(count)]);
}

/** The same ids under the same numbers: in a container, only those that the container has. */
function identity(map: string): IdExtent[] {
  return parseIdMap(map).map(({ inside, count }) => ({ inside, outside: inside, count }));
}

function oneId(id: number): IdExtent {
  return { inside: 0, outside: id, count: 1 };
}

function behindOwn(id: number, ranges: readonly IdRange[]): IdExtent[] {
  const extents = [oneId(id)];
  let inside = 1;
  for (const { start, count } of ranges) {
    const isTaken = extents.some((extent) => start < extent.outside + extent.count && extent.outside < start + count);
    // The kernel refuses a map that has an id twice, as when a user is listed by name and by number.
    if (!isTaken && extents.length < maximumExtents) {
      extents.push({ inside, outside: start, count });
      inside += count;
    }
  }
  return extents;
}
