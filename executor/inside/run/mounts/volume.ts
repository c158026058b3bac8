import { realpathSync } from 'node:fs';
import path from 'node:path';
import { AT, MOUNT_ATTR } from '../../../../native/constants.ts';
import { close } from '../../../../native/files.ts';
import { mountSetattr } from '../../../../native/mounts.ts';
import { errnoOf } from '../../../../registry/oci/thrown.ts';
import type { RunMount } from '../../../protocol/actions.ts';
import type { Owner } from '../../root/owner.ts';
import { missingSource, prepareHostPath, prepareScratch } from './bind.ts';
import { giveTree } from './give-tree.ts';
import { harmless, type PreparedMount, type Workspace } from './workspace.ts';

type VolumeMount = Extract<RunMount, { kind: 'volume' }>;

/** What of a step a volume depends on. */
export interface VolumeContext {
  readonly workspace: Workspace;
  /** Who the command runs as. */
  readonly user: Owner;
  readonly signal: AbortSignal;
}

/**
 * A path of the host. An overlay of it takes what is written, and is gone after the step; what is given to the user is given in that overlay,
 * so the source stays as it is. Refuses with `mount-source` or `no-mapped-id`.
 */
export async function prepareVolume(volume: VolumeMount, { workspace, user, signal }: VolumeContext): Promise<PreparedMount> {
  const mount = volume.isOverlay === true ? prepareOverlay(volume, workspace) : prepareShared(volume);
  try {
    if (volume.isGiven === true) await giveTree(mount.fd, { owner: user, shown: volume.source, signal });
    const attributes = (volume.isReadOnly ? MOUNT_ATTR.RDONLY : 0) | (volume.isNoExec === true ? MOUNT_ATTR.NOEXEC : 0);
    if (attributes !== 0) mountSetattr(mount.fd, '', AT.EMPTY_PATH | AT.RECURSIVE, { set: attributes });
    return mount;
  } catch (error) {
    close(mount.fd);
    throw error;
  }
}

function prepareShared({ source, target }: VolumeMount): PreparedMount {
  return { ...prepareHostPath(source, target, harmless), isShared: true };
}

/** The person who builds has named the source, so links that lead to it are followed. */
function prepareOverlay({ source, target }: VolumeMount, workspace: Workspace): PreparedMount {
  const { dir, base } = path.parse(realPath(source));
  return prepareScratch({ target, path: base }, dir, workspace);
}

function realPath(source: string): string {
  try {
    return realpathSync(source);
  } catch (error) {
    const errno = errnoOf(error);
    throw errno === undefined ? error : missingSource(source, errno);
  }
}
