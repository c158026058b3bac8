import { existsSync } from 'node:fs';
import path from 'node:path';
import { close } from '../../../native/files.ts';
import { currentIdMaps } from '../../../native/identity.ts';
import { isSyscallError } from '../../../native/syscall-error.ts';
import type { RunAction } from '../../protocol/actions.ts';
import type { MountedRootfs, ReadOnlyRootfs } from '../overlay/rootfs.ts';
import type { RequestContext } from '../request/request-context.ts';
import { openRoot } from '../root/resolve-in-root.ts';
import { groupId, readUserDatabase, resolveUser } from '../root/users.ts';
import { AttachedMounts } from './mounts/attach.ts';
import { fillDeviceFolder } from './mounts/devices.ts';
import {
  findMissingMountPoints,
  isComplete,
  locatorOf,
  type MissingMountPoints,
  makeMountPointLayer,
  placeableMounts,
  removeEmptyMountPoints,
} from './mounts/mount-points.ts';
import { closeMounts, prepareMounts } from './mounts/prepare.ts';
import { type PreparedMount, Workspace } from './mounts/workspace.ts';
import { type PreparedRun, runSandbox } from './run-sandbox.ts';
import { sealTree } from './seal-tree.ts';

/** What a command runs on. */
export interface RunTree {
  /** Nothing is changed in it yet. */
  readonly rootfs: MountedRootfs;
  /** The same as it is before the command, read-only: absolute. */
  readonly base: string;
}

/**
 * Runs a command in a sandbox on a root file system, and streams its output. Resolves when it has ended with exit code 0; what it changed
 * is then in `rootfs.upper`, and nothing of the sandbox is. Processes that it left behind are dead by then. Nothing may be open in `rootfs`
 * meanwhile, and it is not mounted afterwards.
 *
 * @throws CommandFailed, CommandNotStarted, Refusal, or the signal's reason
 */
export async function runAction(action: RunAction, { rootfs, base }: RunTree, context: RequestContext): Promise<void> {
  context.signal.throwIfAborted();
  await using workspace = new Workspace(path.dirname(rootfs.upper));
  const { user, demandedGroups } = identityOf(action, base);
  const prepared = await prepareMounts(action, { workspace, user, root: base, signal: context.signal });
  try {
    const placed = placeMounts(base, prepared);
    using shown = showWithMountPoints(rootfs, placed, workspace);
    using attached = new AttachedMounts(shown.path);
    attachAll(action, placed.mounts, attached);
    tellOfResolver(action, context);
    const bundle = action.hooks === undefined ? undefined : workspace.memoryFolder();
    await runSandbox({ action, user, demandedGroups, attached, bundle }, context);
    await sealTree(rootfs, context.signal);
  } finally {
    closeMounts(prepared);
  }
}

/** What this worker has told once. */
const told = { resolver: false };

/** Resolvers ask 127.0.0.1 where they are told nothing (resolv.conf(5)), and people look for the mistake elsewhere. */
function tellOfResolver({ network, dns }: RunAction, context: RequestContext): void {
  if (told.resolver || network === 'none' || dns.servers.length > 0 || existsSync('/etc/resolv.conf')) return;
  told.resolver = true;
  context.warn('This machine has no /etc/resolv.conf, so commands may find no host by its name: give a server with --dns');
}

/** Who the command is, and the groups that it cannot do without. */
type Identity = Pick<PreparedRun, 'user' | 'demandedGroups'>;

function identityOf({ user, additionalGids = [], additionalGroups = [] }: RunAction, root: string): Identity {
  const rootFd = openRoot(root);
  try {
    const database = readUserDatabase(rootFd);
    const resolved = resolveUser(user, database);
    const demandedGroups = [...additionalGids, ...additionalGroups.map((name) => groupId(name, database))];
    return { user: { ...resolved, groups: [...new Set([...resolved.groups, ...demandedGroups])] }, demandedGroups };
  } finally {
    close(rootFd);
  }
}

/** What will be mounted, and what the root lacks for that. */
interface PlacedMounts {
  readonly mounts: readonly PreparedMount[];
  readonly points: MissingMountPoints;
  /** The root without mounts. */
  readonly path: string;
}

/** What has to be known of the root before anything is mounted in it. */
function placeMounts(root: string, prepared: readonly PreparedMount[]): PlacedMounts {
  const kernels = ['/proc', '/sys'].map((target) => ({ target, isDirectory: true }));
  const rootFd = openRoot(root);
  try {
    const locate = locatorOf(rootFd);
    const mounts = placeableMounts(locate, prepared);
    return { path: root, mounts, points: findMissingMountPoints(locate, [...kernels, ...mounts]) };
  } finally {
    close(rootFd);
  }
}

/** Shows the root so that everything can be mounted in it, without a trace in the layer. */
function showWithMountPoints(rootfs: MountedRootfs, { points, path: root }: PlacedMounts, workspace: Workspace): ReadOnlyRootfs {
  if (isComplete(points)) {
    return { path: rootfs.path, [Symbol.dispose]: () => rootfs.hide() };
  }
  const layer = mountPointLayer(root, points, workspace);
  rootfs.addLower(layer);
  return {
    path: rootfs.path,
    [Symbol.dispose]: () => rootfs.removeLower(layer, () => removeEmptyMountPoints(rootfs.upper, points)),
  };
}

/** In memory, unless a folder has attributes that this kernel's tmpfs cannot hold (before 6.6). */
function mountPointLayer(root: string, points: MissingMountPoints, workspace: Workspace): string {
  try {
    return makeMountPointLayer(workspace.memoryFolder(), root, points);
  } catch (error) {
    if (isSyscallError(error, 'EOPNOTSUPP')) return makeMountPointLayer(workspace.folder(), root, points);
    throw error;
  }
}

function attachAll(action: RunAction, mounts: readonly PreparedMount[], attached: AttachedMounts): void {
  for (const mount of mounts) {
    attached.attach(mount);
    if (mount.target === '/dev') {
      fillDeviceFolder(mount.fd, { shmSizeBytes: action.shmSizeBytes, gids: currentIdMaps().gids });
    }
  }
  attached.makeDirectory(action.cwd);
}
