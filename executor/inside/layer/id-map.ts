import type { IdExtent } from '../../../native/identity.ts';

/** Which users and groups files can belong to here. */
export interface IdMap {
  readonly uids: readonly IdExtent[];
  readonly gids: readonly IdExtent[];
}

/** True when there is one user and no other, so that no ownership can be kept on disk. */
export function isSingleId({ uids, gids }: IdMap): boolean {
  return total(uids) === 1 || total(gids) === 1;
}

/** `0-65535`, for messages. */
export function describeExtents(extents: readonly IdExtent[]): string {
  return extents.map(({ inside, count }) => (count === 1 ? `${inside}` : `${inside}-${inside + count - 1}`)).join(', ');
}

function total(extents: readonly IdExtent[]): number {
  return extents.reduce((sum, { count }) => sum + count, 0);
}
