import { currentIdMaps } from '../../../native/identity.ts';
import { constantTimeSeconds } from '../../../registry/oci/layer/constant-time.ts';
import type { RawPath } from '../../../registry/oci/raw-path.ts';
import { noXattrs } from '../../../registry/oci/tar/header.ts';
import type { CopyAction } from '../../protocol/actions.ts';
import type { ListedEntry } from '../../protocol/copy-entry.ts';
import type { ListItem } from '../../protocol/copy-list.ts';
import type { NewAttributes } from '../files/new-file.ts';
import { keepsXattr } from '../layer/archive-xattrs.ts';
import { decodeXattrs } from '../layer/layer-header.ts';
import type { IdMap } from '../root/mapped-ids.ts';
import type { Owner } from '../root/owner.ts';
import type { DirectoryAttributes } from '../root/resolve-in-root.ts';
import { readUserDatabase } from '../root/users.ts';
import { requireMapped } from '../unpack/owners-on-disk.ts';
import { resolveChown, resolveLinkChown } from './chown.ts';
import { changeMode, type ModeChange, parseModeChange } from './mode-change.ts';

/** How the flags of a COPY change what is copied. */
export interface CopyRules {
  /** --chown. */
  readonly owner: Owner | undefined;
  /** --chmod. */
  readonly change: ModeChange | undefined;
  readonly time: CopyAction['time'];
  readonly idMap: IdMap;
}

/** The rules of an action on the tree at `rootFd`. Refuses names and modes that mean nothing. */
export function copyRules(action: CopyAction, rootFd: number): CopyRules {
  return {
    owner: ownerOf(action, rootFd),
    change: action.mode === undefined ? undefined : parseModeChange(action.mode),
    time: action.time,
    idMap: currentIdMaps(),
  };
}

function ownerOf({ owner, isLink }: CopyAction, rootFd: number): Owner | undefined {
  if (owner === undefined) return undefined;
  return isLink ? resolveLinkChown(owner) : resolveChown(owner, readUserDatabase(rootFd));
}

/** What an entry gets at its place. Links keep their mode, whatever --chmod says. */
export function attributesOf(rules: CopyRules, entry: ListedEntry, path: RawPath): NewAttributes {
  const { uid, gid, mode } = ownerAndMode(rules, entry, path);
  return {
    uid,
    gid,
    mode,
    mtime: timeOf(rules, entry),
    xattrs: entry.xattrs === undefined ? noXattrs : new Map([...decodeXattrs(entry.xattrs)].filter(([name]) => keepsXattr(name))),
  };
}

/** What an entry, or all files of a run, get. */
export function ownerAndMode(rules: CopyRules, item: ListItem, path: RawPath): Pick<NewAttributes, 'uid' | 'gid' | 'mode'> {
  const { uid, gid } = rules.owner ?? item;
  requireMapped(rules.idMap, { uid, gid }, path);
  return {
    uid,
    gid,
    mode: rules.change === undefined ? item.mode : changeMode(rules.change, item.mode, item.type === 'directory'),
  };
}

/** Seconds. */
export function timeOf({ time }: CopyRules, { mtime }: Pick<ListedEntry, 'mtime'>): number {
  return time === 'constant' ? constantTimeSeconds : mtime;
}

/**
 * Folders that have to be made on the way, the destination itself included: an octal --chmod counts for them, without its set-id and sticky
 * bits, a symbolic one does not.
 */
export function parentAttributes({ owner, change, idMap }: CopyRules, path: RawPath): DirectoryAttributes {
  const { uid, gid } = owner ?? { uid: 0, gid: 0 };
  requireMapped(idMap, { uid, gid }, path);
  return { mode: change?.kind === 'octal' ? change.mode & 0o777 : 0o755, uid, gid };
}
