import { closeSync, fstatSync, mkdirSync, openSync, readdirSync, unlinkSync } from 'node:fs';
import path from 'node:path';
import { AT, AT_FDCWD, MNT_DETACH, MOUNT_ATTR, MOVE_MOUNT, MS, OPEN_TREE } from '../../../native/constants.ts';
import { close, fstatat, readDirectory } from '../../../native/files.ts';
import { mount, mountSetattr, moveMount, openTree, umount2 } from '../../../native/mounts.ts';
import { rawPath } from '../../../registry/oci/raw-path.ts';
import { removeInSteps } from '../files/remove-tree.ts';
import { applyLayer } from '../trees/apply-layer.ts';
import { cloneRoot } from '../trees/clone-root.ts';
import { copyLeaf, copyOpenAttributes } from '../trees/copy-leaf.ts';
import { Origins } from '../trees/origins.ts';
import { finish, inOne, type TreeTask } from '../trees/tree-task.ts';
import { writeChanges } from '../trees/write-changes.ts';
import type { OverlayBackend, OverlayLayers, OverlayMount } from './backend.ts';
import { blockFor } from './blocking-pause.ts';
import { pristineTree, removeFolder, withOpen } from './pristine-trees.ts';
import { sealMount } from './unless-busy.ts';

/**
 * Full copies, for file systems that no overlay can be stacked on, and kernels that let nobody make one. A step gets a copy of all that is below it, as
 * clones of the files where the file system can; what it changed is found by comparing, and copied into the layer folder. Second names of the
 * layers' files, which would cost nothing, do not serve: whoever opens one to write would change the layer.
 */
export const copyBackend: OverlayBackend = {
  name: 'copy',
  growsIdleTrees: true,
  mount: (layers, target) =>
    layers.writable === undefined ? showReadOnly(layers, target) : showCopy(layers, layers.writable, target),
};

function showReadOnly({ lowers, added = [] }: OverlayLayers, target: string | undefined): OverlayMount {
  const tree = pristineTree([...lowers, ...added]);
  const fd = openTree(AT_FDCWD, tree.folder, OPEN_TREE.CLONE);
  mountSetattr(fd, '', AT.EMPTY_PATH, { set: MOUNT_ATTR.RDONLY });
  if (target === undefined) {
    return { path: `/proc/self/fd/${fd}`, seal: () => true, unmount: () => (close(fd), tree.release()) };
  }
  moveMount(fd, '', AT_FDCWD, target, MOVE_MOUNT.F_EMPTY_PATH);
  close(fd);
  return { path: target, seal: () => true, unmount: () => (umount2(target, MNT_DETACH), tree.release()) };
}

type Writable = NonNullable<OverlayLayers['writable']>;

function showCopy(layers: OverlayLayers, { upper, work }: Writable, target: string | undefined): OverlayMount {
  if (target === undefined) throw new Error('a tree that can be written needs a place');
  const pristine = pristineTree(layers.lowers);
  const copy = path.join(work, 'tree');
  const { origins, sinceNs } = makeCopy({ pristine: pristine.folder, copy, upper, work, added: layers.added ?? [] });
  mount({ source: copy, target, flags: MS.BIND });
  return {
    path: target,
    // Whoever has another mount changes what no layer is made of any more.
    seal: () => sealMount(target),
    unmount: () => {
      umount2(target, MNT_DETACH);
      takeChanges({ pristine: pristine.folder, copy, upper, work }, { origins, sinceNs });
      pristine.release();
    },
  };
}

interface CopyFolders {
  readonly pristine: string;
  readonly copy: string;
  readonly upper: string;
  readonly work: string;
}

interface CopyFacts {
  readonly origins: Origins;
  readonly sinceNs: bigint;
}

function makeCopy({ pristine, copy, upper, work, added }: CopyFolders & { readonly added: readonly string[] }): CopyFacts {
  const origins = new Origins();
  mkdirSync(copy);
  withOpen(copy, (to) => {
    withOpen(pristine, (from) => finish(cloneRoot(from, to, origins)));
    for (const layer of added) withOpen(layer, (fd) => finish(putOwn(fd, to, origins)));
    // What an earlier showing has changed; mostly that is nothing.
    const isChanged = readdirSync(upper).length > 0;
    withOpen(upper, (fd) => {
      if (isChanged) finish(applyLayer({ layer: fd, tree: to, path: rawPath('') }, { placeLeaf: copyLeaf }));
      copyOpenAttributes(fd, to);
    });
  });
  const sinceNs = nextTime(work);
  origins.endAt(sinceNs);
  return { origins, sinceNs };
}

function putOwn(layer: number, tree: number, origins: Origins): TreeTask {
  return applyLayer(
    { layer, tree, path: rawPath('') },
    {
      *placeLeaf(from, to, at) {
        yield* copyLeaf(from, to);
        origins.addOwn(fstatat(to.fd, to.name, AT.SYMLINK_NOFOLLOW).ino, at);
      },
      onFolder: (fd, at) => origins.addOwn(fstatat(fd, '', AT.EMPTY_PATH).ino, at),
    },
  );
}

/** The copy goes before anybody looks at the layer: their files may have names in both. */
function takeChanges({ pristine, copy, upper, work }: CopyFolders, { origins, sinceNs }: CopyFacts): void {
  withOpen(upper, (fd) => {
    for (const { name } of readDirectory(fd)) finish(inOne(removeInSteps(fd, name)));
  });
  const isBackwards = timeOf(work) < sinceNs;
  withOpen(pristine, (from) =>
    withOpen(copy, (tree) =>
      withOpen(upper, (fd) =>
        finish(writeChanges({ pristine: from, tree, upper: fd, origins, sinceNs: isBackwards ? 0n : sinceNs })),
      ),
    ),
  );
  removeFolder(copy);
}

/** A time that nothing has yet that is there, by the clock of the file system, which may be coarse. */
function nextTime(folder: string): bigint {
  const first = timeOf(folder);
  for (;;) {
    const time = timeOf(folder);
    if (time > first) return time;
    blockFor(1);
  }
}

function timeOf(folder: string): bigint {
  const file = path.join(folder, 'time');
  const fd = openSync(file, 'wx');
  try {
    return fstatSync(fd, { bigint: true }).ctimeNs;
  } finally {
    closeSync(fd);
    unlinkSync(file);
  }
}
