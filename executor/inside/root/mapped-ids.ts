import type { IdExtent } from '../../../native/id-extents.ts';

/** Which users and groups files can belong to here. */
export interface IdMap {
  readonly uids: readonly IdExtent[];
  readonly gids: readonly IdExtent[];
}

/** True when there is one user and no other, so that no ownership can be kept on disk. */
export function isSingleId({ uids, gids }: IdMap): boolean {
  return total(uids) === 1 || total(gids) === 1;
}

/** `0-65535`, for messages. Extents that touch are one range to people. */
export function describeExtents(extents: readonly IdExtent[]): string {
  const ranges: { first: number; end: number }[] = [];
  for (const { inside, count } of extents.toSorted((one, other) => one.inside - other.inside)) {
    const last = ranges.at(-1);
    if (last?.end === inside) {
      last.end += count;
    } else {
      ranges.push({ first: inside, end: inside + count });
    }
  }
  return ranges.map(({ first, end }) => (end - first === 1 ? `${first}` : `${first}-${end - 1}`)).join(', ');
}

function total(extents: readonly IdExtent[]): number {
  return extents.reduce((sum, { count }) => sum + count, 0);
}
