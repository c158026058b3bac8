import { type IdExtent, isMapped } from '../../../native/id-extents.ts';
import { type RawPath, textOfPath } from '../../../registry/oci/raw-path.ts';
import { Refusal } from '../request/failure.ts';
import { describeExtents, type IdMap, isSingleId } from '../root/mapped-ids.ts';
import type { Owner } from '../root/owner.ts';

/**
 * Says who owns the files of an archive on disk. Ids that are not mapped are refused, unless there is only one id at all: then
 * everything belongs to it, which is no loss to the image, since a foreign layer is pushed as it came.
 */
export class OwnersOnDisk {
  readonly #map: IdMap;
  readonly #isSingle: boolean;
  /** Entries whose owner could not be kept. */
  squashed = 0;

  constructor(map: IdMap) {
    this.#map = map;
    this.#isSingle = isSingleId(map);
  }

  of(owner: Owner, path: RawPath): Owner {
    if (this.#isSingle && !isOwnerMapped(this.#map, owner)) {
      this.squashed += 1;
      return { uid: 0, gid: 0 };
    }
    requireMapped(this.#map, owner, path);
    return owner;
  }
}

/** Refuses an owner that files cannot have here, with `no-mapped-id`. */
export function requireMapped(map: IdMap, { uid, gid }: Owner, path: RawPath): void {
  if (!isMapped(uid, map.uids)) {
    throw notMapped(path, { what: `user ${uid}`, extents: map.uids, file: '/etc/subuid' });
  }
  if (!isMapped(gid, map.gids)) {
    throw notMapped(path, { what: `group ${gid}`, extents: map.gids, file: '/etc/subgid' });
  }
}

function isOwnerMapped(map: IdMap, { uid, gid }: Owner): boolean {
  return isMapped(uid, map.uids) && isMapped(gid, map.gids);
}

interface MissingId {
  readonly what: string;
  readonly extents: readonly IdExtent[];
  readonly file: string;
}

function notMapped(path: RawPath, { what, extents, file }: MissingId): Refusal {
  return new Refusal(
    'no-mapped-id',
    `Cannot make "/${textOfPath(path)}": it belongs to ${what}, and files here can belong to ${describeExtents(extents)} only`,
    `Give your user a range of subordinate ids in ${file} that is long enough for ${what}`,
  );
}
