import { accessSync, constants, statSync } from 'node:fs';
import { AT_FDCWD, MOUNT_ATTR, MOVE_MOUNT } from '../../../../native/constants.ts';
import { close, fchmodat, makeFileAt, mkdirat, symlinkat } from '../../../../native/files.ts';
import { type IdExtent, isMapped } from '../../../../native/id-extents.ts';
import { moveMount } from '../../../../native/mounts.ts';
import { isSyscallError } from '../../../../native/syscall-error.ts';
import { getXattr } from '../../../../native/xattrs.ts';
import type { RunAction } from '../../../protocol/actions.ts';
import { Refusal } from '../../request/failure.ts';
import { prepareHostPath } from './bind.ts';
import { cloneMount, newFileSystem, type PreparedMount } from './workspace.ts';

const nodes = ['null', 'zero', 'full', 'random', 'urandom', 'tty'];
const links = {
  fd: '/proc/self/fd',
  stdin: '/proc/self/fd/0',
  stdout: '/proc/self/fd/1',
  stderr: '/proc/self/fd/2',
  ptmx: 'pts/ptmx',
};
const folders = ['pts', 'shm', 'mqueue'];
const ttyGroup = 5;

/** What is read from and written to a node is the device's; its mode, owner and times are the machine's, which root could change. */
const lent = MOUNT_ATTR.RDONLY | MOUNT_ATTR.NOSUID;

/**
 * A device node of the host, as it is there: a user namespace can make none and open none that its user could not. Refuses with
 * `mount-source`.
 */
export function prepareNode({ source, target, permissions }: RunAction['devices'][number]): PreparedMount {
  const mount = prepareHostPath(source, target, lent);
  if (!mount.isDirectory && !canOpen(source, permissions)) {
    close(mount.fd);
    const message = `Cannot add the device "${source}": you may not open it, and a builder without root can only pass on what you can open yourself`;
    throw new Refusal('mount-source', message, `Grant it to your user, not to a group: setfacl -m u:$USER:rw ${source}`);
  }
  return mount;
}

/** Whether a command without groups of the host may open a node. access(2) would count those that the worker still has. */
function canOpen(source: string, permissions: string): boolean {
  const wanted = (permissions.includes('r') ? constants.R_OK : 0) | (permissions.includes('w') ? constants.W_OK : 0);
  try {
    accessSync(source, wanted);
  } catch {
    return false;
  }
  const { uid, mode } = statSync(source);
  const isOpenToAll = (mode & wanted) === wanted;
  const hasList = getXattr(source, 'system.posix_acl_access', { follow: true }) !== undefined;
  // Root of the namespace is the user who builds.
  return isOpenToAll || hasList || uid === 0;
}

/** A tmpfs for /dev, attached nowhere, with everything but the mounts in it. */
export function prepareDeviceFolder(): number {
  const fd = newFileSystem('tmpfs', { mode: '0755', size: '64m' }, MOUNT_ATTR.NOSUID);
  for (const name of nodes) makeFileAt(fd, name, 0o644);
  for (const name of folders) {
    mkdirat(fd, name, 0o755);
    fchmodat(fd, name, 0o755);
  }
  Object.entries(links).forEach(([name, target]) => symlinkat(target, fd, name));
  return fd;
}

/**
 * Mounts what belongs in /dev: the host's harmless nodes (a user namespace cannot make devices), new pseudo-terminals, and shared
 * memory. `fd` is the folder, attached by now.
 */
export function fillDeviceFolder(
  fd: number,
  options: { readonly shmSizeBytes: number; readonly gids: readonly IdExtent[] },
): void {
  for (const name of nodes) attachNode(fd, name);
  const group = isMapped(ttyGroup, options.gids) ? { gid: `${ttyGroup}` } : {};
  const terminals = newFileSystem('devpts', { ptmxmode: '0666', mode: '0620', ...group }, MOUNT_ATTR.NOSUID | MOUNT_ATTR.NOEXEC);
  attachAndClose(terminals, fd, 'pts');
  const limits = MOUNT_ATTR.NOSUID | MOUNT_ATTR.NODEV | MOUNT_ATTR.NOEXEC;
  attachAndClose(newFileSystem('tmpfs', { mode: '1777', size: `${options.shmSizeBytes}` }, limits), fd, 'shm');
}

function attachNode(directory: number, name: string): void {
  try {
    attachAndClose(cloneMount(AT_FDCWD, `/dev/${name}`, lent), directory, name);
  } catch (error) {
    // Some containers lack one; a command that needs it says so itself.
    if (!isSyscallError(error, 'ENOENT')) throw error;
  }
}

function attachAndClose(fd: number, directory: number, name: string): void {
  try {
    moveMount(fd, '', directory, name, MOVE_MOUNT.F_EMPTY_PATH);
  } finally {
    close(fd);
  }
}
