import { AT_FDCWD, MOUNT_ATTR } from '../../../../native/constants.ts';
import { close, fchmodat } from '../../../../native/files.ts';
import { isSyscallError } from '../../../../native/syscall-error.ts';
import { unreachable } from '../../../../registry/oci/unreachable.ts';
import type { RunAction, RunMount } from '../../../protocol/actions.ts';
import { resolverOfThisMachine } from '../../network/name-servers.ts';
import { privateNetwork } from '../../network/private-network.ts';
import { Refusal } from '../../request/failure.ts';
import { changeOwner } from '../../root/owner.ts';
import { openRoot, statInRoot } from '../../root/resolve-in-root.ts';
import { prepareBind, prepareHostPath } from './bind.ts';
import { prepareCache } from './cache.ts';
import { prepareDeviceFolder, prepareNode } from './devices.ts';
import { hostsText, resolverText } from './hosts.ts';
import { prepareVolume, type VolumeContext } from './volume.ts';
import { harmless, newFileSystem, type PreparedMount, type Workspace } from './workspace.ts';

const root = { uid: 0, gid: 0 };

/** What of a step its mounts depend on. */
export interface MountContext extends VolumeContext {
  /** The root without mounts. */
  readonly root: string;
}

/**
 * Everything that an action mounts, detached, parents before what lies in them (else in the order given): the name files, the given
 * files, /dev, the devices and the RUN's own mounts. The caller closes the descriptors. Refuses with `mount-source` or `mount-target`.
 */
export async function prepareMounts(action: RunAction, place: MountContext): Promise<readonly PreparedMount[]> {
  const { workspace } = place;
  action.mounts.forEach(({ target }) => checkTarget(target));
  const prepared: PreparedMount[] = [];
  try {
    prepared.push({ target: '/dev', fd: prepareDeviceFolder(), isDirectory: true });
    prepared.push(...nameFiles(action, workspace), ...givenFiles(action, workspace));
    prepared.push(...action.devices.map(prepareNode));
    for (const mount of action.mounts) prepared.push(await prepareMount(mount, place));
  } catch (error) {
    closeMounts(prepared);
    throw error;
  }
  return prepared.toSorted((left, right) => depth(left.target) - depth(right.target));
}

/** Closes the descriptors of mounts; those that were attached stay. */
export function closeMounts(mounts: readonly PreparedMount[]): void {
  mounts.forEach(({ fd }) => close(fd));
}

function prepareMount(mount: RunMount, place: MountContext): PreparedMount | Promise<PreparedMount> {
  const { target } = mount;
  const { workspace } = place;
  switch (mount.kind) {
    case 'bind':
      return prepareBind(mount, workspace);
    case 'cache':
      return prepareCache(mount, workspace);
    case 'tmpfs': {
      const size = mount.sizeBytes === undefined ? {} : { size: `${mount.sizeBytes}` };
      const attributes = (mount.isReadOnly === true ? MOUNT_ATTR.RDONLY : 0) | (mount.isNoExec === true ? MOUNT_ATTR.NOEXEC : 0);
      const options = { mode: modeOf(target, place.root), ...size, ...mount.options };
      return { target, fd: newFileSystem('tmpfs', options, harmless | attributes), isDirectory: true };
    }
    case 'secret': {
      const bytes = Buffer.from(mount.value, 'base64');
      return { target, fd: workspace.file({ bytes, mode: mount.mode, owner: mount }, MOUNT_ATTR.NOEXEC), isDirectory: false };
    }
    case 'ssh':
      return prepareSocket(mount);
    case 'volume':
      return prepareVolume(mount, place);
    default:
      return unreachable(mount);
  }
}

/** A tmpfs has the mode of the folder that it covers, as under runc: a /tmp stays one that all may write to. In octal. */
function modeOf(target: string, rootPath: string): string {
  if (target === '/dev/shm') return '1777';
  const rootFd = openRoot(rootPath);
  try {
    const status = statInRoot(rootFd, target);
    return ((status?.mode ?? 0o755) & 0o7777).toString(8);
  } finally {
    close(rootFd);
  }
}

/** The socket is main's own, made for this build, so it may be given to the command's user. */
function prepareSocket(mount: Extract<RunMount, { kind: 'ssh' }>): PreparedMount {
  try {
    changeOwner(AT_FDCWD, mount.socket, mount);
    fchmodat(AT_FDCWD, mount.socket, mount.mode);
  } catch (error) {
    if (isSyscallError(error, 'ENOENT')) throw new Refusal('mount-source', 'Cannot mount the SSH agent: its socket is gone');
    throw error;
  }
  return prepareHostPath(mount.socket, mount.target, harmless);
}

function nameFiles(action: RunAction, workspace: Workspace): PreparedMount[] {
  const network = action.network === 'private' ? privateNetwork() : undefined;
  const texts = {
    '/etc/hosts': hostsText(action, network?.gateway),
    '/etc/hostname': `${action.hostname}\n`,
    '/etc/resolv.conf': resolverText(action, resolverOfThisMachine(), network?.standIns),
  };
  return Object.entries(texts).map(([target, text]) => {
    const file = { bytes: Buffer.from(text), mode: 0o644, owner: root };
    return { target, fd: workspace.file(file, MOUNT_ATTR.NOEXEC), isDirectory: false, isOptional: true };
  });
}

function givenFiles(action: RunAction, workspace: Workspace): PreparedMount[] {
  return action.files.map(({ target, text, mode }) => {
    const fd = workspace.file({ bytes: Buffer.from(text), mode, owner: root });
    return { target, fd, isDirectory: false };
  });
}

/** What the kernel's own file systems are mounted over, and the root, cannot be covered. */
function checkTarget(target: string): void {
  const names = target.split('/').filter((name) => name !== '' && name !== '.');
  const isKernels = names[0] === 'proc' || names[0] === 'sys';
  if (names.length === 0 || names.includes('..') || isKernels || (names[0] === 'dev' && names.length === 1)) {
    throw new Refusal('mount-target', `Cannot mount at "${target}": the sandbox needs that place itself`);
  }
}

function depth(target: string): number {
  return target.split('/').filter((name) => name !== '').length;
}
