import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AT_FDCWD, MNT_DETACH, MOUNT_ATTR, MOVE_MOUNT, MS, O_DIRECTORY, O_PATH, OPEN_TREE } from '../../../native/constants.ts';
import { close, openat } from '../../../native/files.ts';
import {
  fsconfigCreate,
  fsconfigFlag,
  fsconfigString,
  fsmount,
  fsopen,
  mount,
  moveMount,
  openTree,
  umount2,
} from '../../../native/mounts.ts';
import { isSyscallError } from '../../../native/syscall-error.ts';
import { mostLayers } from '../../../registry/oci/manifest.ts';
import { Refusal } from '../request/failure.ts';
import type { OverlayBackend, OverlayLayers, OverlayMount } from './backend.ts';
import { unlessBusy } from './unless-busy.ts';

/**
 * The kernel's overlayfs, with `userxattr`, which an unprivileged user namespace may mount from Linux 5.11 on. It needs two lower
 * folders, or one and an upper folder. Folders are handed over as descriptors, so their names may hold any character and be of any
 * length. (Documentation/filesystems/overlayfs.rst)
 */
export const nativeOverlay: OverlayBackend = { name: 'overlayfs', mount: (layers, target) => attach(makeMount, layers, target) };

/** The same for kernels before 6.8, which is chosen by itself there. Exported for tests. */
export const olderNativeOverlay: OverlayBackend = {
  name: 'overlayfs by options',
  mount: (layers, target) => attach(makeMountByOptions, layers, target),
};

const upperRefused = 'not supported as upperdir';

/** Makes a mount that is attached nowhere, of layers whose lower folders are open. */
type MountMaker = (layers: OverlayLayers, lowers: readonly number[]) => number;

function attach(make: MountMaker, layers: OverlayLayers, target: string | undefined): OverlayMount {
  const all = [...layers.lowers, ...(layers.added ?? [])];
  if (all.length > mostLayers) {
    throw new Refusal(
      'not-supported',
      `Cannot mount an image of ${all.length} layers: overlayfs takes at most ${mostLayers}`,
      'Use a base image with fewer layers, or join RUN steps',
    );
  }
  const fd = withDescriptors(all, (lowers) => make(layers, lowers));
  if (target === undefined) {
    return { path: `/proc/self/fd/${fd}`, seal: () => true, unmount: () => close(fd) };
  }
  try {
    moveMount(fd, '', AT_FDCWD, target, MOVE_MOUNT.F_EMPTY_PATH);
  } finally {
    close(fd);
  }
  return { path: target, seal: () => makeReadOnly(target), unmount: () => umount2(target, MNT_DETACH) };
}

/** The file system itself, and so every mount of it, also those that are attached nowhere any more. (MS_REMOUNT in mount(2)) */
function makeReadOnly(target: string): boolean {
  return unlessBusy(() => mount({ target, flags: MS.REMOUNT | MS.RDONLY }));
}

/**
 * Kernels before 6.8 do not have `lowerdir+`, and say so at different moments and always with EINVAL, so the older way is tried after
 * that; if it fails too, the first error tells more.
 */
function makeMount(layers: OverlayLayers, lowers: readonly number[]): number {
  try {
    return makeMountByContext(layers, lowers);
  } catch (error) {
    if (!isSyscallError(error, 'EINVAL') || error.message.includes(upperRefused)) throw explain(error);
    const fd = unlessInvalid(() => makeMountByOptions(layers, lowers));
    if (fd === undefined) {
      throw new Refusal(
        'machine',
        `Cannot mount an overlay: the file system below it takes none (${error.message})`,
        'Overlays work on ext4, XFS, Btrfs and tmpfs: choose a store there with --store DIR',
      );
    }
    return fd;
  }
}

function makeMountByContext(layers: OverlayLayers, lowers: readonly number[]): number {
  const context = openContext();
  try {
    // The first one is the topmost.
    lowers.toReversed().forEach((fd) => fsconfigString(context, 'lowerdir+', `/proc/self/fd/${fd}`));
    configure(context, layers);
    return fsmount(context, undefined, layers.writable === undefined ? MOUNT_ATTR.RDONLY : 0);
  } finally {
    close(context);
  }
}

function openContext(): number {
  try {
    return fsopen('overlay');
  } catch (error) {
    if (isSyscallError(error, 'ENODEV', 'EPERM')) {
      throw new Refusal(
        'machine',
        `Cannot mount an overlay: ${error.message}`,
        isSyscallError(error, 'ENODEV')
          ? 'The kernel must have overlayfs (as root: modprobe overlay)'
          : 'Linux 5.11 and later allow it; in a container its seccomp profile must allow fsopen, fsconfig, fsmount and move_mount',
      );
    }
    throw error;
  }
}

function configure(context: number, { writable }: OverlayLayers): void {
  fsconfigString(context, 'source', 'overlay');
  fsconfigFlag(context, 'userxattr');
  withDescriptors(writable === undefined ? [] : [writable.upper, writable.work], ([upper, work]) => {
    if (upper !== undefined) {
      fsconfigString(context, 'upperdir', `/proc/self/fd/${upper}`);
      fsconfigString(context, 'workdir', `/proc/self/fd/${work}`);
      // Layers are synced when they are committed; until then an fsync() of dpkg or rpm need not reach the disk.
      fsconfigFlag(context, 'volatile');
    }
    fsconfigCreate(context);
  });
}

/**
 * mount(2) takes options of a page at most, so folders are named relative to /proc/self/fd: by the digits of their descriptors, which is
 * short enough for 500 of them.
 */
function makeMountByOptions({ writable }: OverlayLayers, lowers: readonly number[]): number {
  const paths = writable === undefined ? [] : [writable.upper, writable.work];
  return withDescriptors(paths, ([upper, work]) => {
    const changes = upper === undefined ? '' : `,upperdir=${upper},workdir=${work},volatile`;
    const data = `userxattr,lowerdir=${lowers.toReversed().join(':')}${changes}`;
    return inDirectory('/proc/self/fd', () => mountSomewhere(data, writable === undefined));
  });
}

/** mount(2) needs a place; the mount is taken from there at once. */
function mountSomewhere(data: string, isReadOnly: boolean): number {
  const target = mkdtempSync(path.join(tmpdir(), 'tsbuild-mount-'));
  try {
    mount({ source: 'overlay', target, type: 'overlay', data, flags: isReadOnly ? MS.RDONLY : 0 });
    const fd = openTree(AT_FDCWD, target, OPEN_TREE.CLONE);
    umount2(target, MNT_DETACH);
    return fd;
  } finally {
    rmdirSync(target);
  }
}

function explain(error: unknown): unknown {
  if (isSyscallError(error, 'EINVAL') && error.message.includes(upperRefused)) {
    return new Refusal(
      'machine',
      'Cannot mount an overlay: the store is on a file system that cannot hold overlayfs layers, such as another overlay',
      'Choose a store on a disk, a volume or a tmpfs: --store DIR',
    );
  }
  return error;
}

function unlessInvalid(body: () => number): number | undefined {
  try {
    return body();
  } catch (error) {
    if (isSyscallError(error, 'EINVAL')) return undefined;
    throw error;
  }
}

function withDescriptors<T>(paths: readonly string[], body: (fds: readonly number[]) => T): T {
  const fds: number[] = [];
  try {
    for (const name of paths) fds.push(openat(AT_FDCWD, name, O_PATH | O_DIRECTORY));
    return body(fds);
  } finally {
    fds.forEach(close);
  }
}

function inDirectory<T>(directory: string, body: () => T): T {
  const previous = process.cwd();
  process.chdir(directory);
  try {
    return body();
  } finally {
    process.chdir(previous);
  }
}
