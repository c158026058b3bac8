import path from 'node:path';
import { AT_FDCWD, O_DIRECTORY, O_NOFOLLOW, O_PATH, RESOLVE } from '../../../native/constants.ts';
import { close, openat, openat2 } from '../../../native/files.ts';
import { isSyscallError } from '../../../native/syscall-error.ts';
import { Pace } from '../../../registry/oci/pace.ts';
import type { WorkerRequest, WorkerResults } from '../../protocol/messages.ts';
import type { RequestContext } from '../request/request-context.ts';
import { removeTreeAt } from './remove-tree.ts';

type RemoveRequest = Extract<WorkerRequest, { readonly kind: 'remove' }>;

/**
 * Removes trees whose files belong to ids that only the namespace can remove. Never follows a link, above a tree or in it, and never leaves the
 * folder. Paths that do not exist are fine.
 */
export async function remove({ folder, names }: RemoveRequest, { signal }: RequestContext): Promise<WorkerResults['remove']> {
  const fd = openat(AT_FDCWD, folder, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  try {
    for (const name of names) await removeBelow(fd, name, signal);
  } finally {
    close(fd);
  }
  return {};
}

/** Removes one tree by its path. The folders above it are ours, so links among them are followed. */
export async function removePath(tree: string, signal?: AbortSignal): Promise<void> {
  const parent = openParent(() => openat(AT_FDCWD, path.dirname(tree), O_PATH | O_DIRECTORY));
  await removeIn(parent, path.basename(tree), signal);
}

async function removeBelow(folder: number, name: string, signal: AbortSignal): Promise<void> {
  const resolve = RESOLVE.BENEATH | RESOLVE.NO_SYMLINKS;
  const parent = openParent(() => openat2(folder, path.dirname(name), { flags: O_PATH | O_DIRECTORY, resolve }));
  await removeIn(parent, path.basename(name), signal);
}

/** Closes the folder. */
async function removeIn(parent: number | undefined, name: string, signal: AbortSignal | undefined): Promise<void> {
  if (parent === undefined) return;
  try {
    await removeTreeAt(parent, Buffer.from(name), new Pace(signal));
  } finally {
    close(parent);
  }
}

function openParent(open: () => number): number | undefined {
  try {
    return open();
  } catch (error) {
    if (isSyscallError(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}
