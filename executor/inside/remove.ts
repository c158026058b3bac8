import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { AT_FDCWD, O_DIRECTORY, O_PATH } from '../../native/constants.ts';
import { close, openat } from '../../native/files.ts';
import { isSyscallError } from '../../native/syscall-error.ts';
import type { WorkerRequest, WorkerResults } from '../protocol/messages.ts';
import { removeInSteps } from './layer/remove-tree.ts';
import type { RequestContext } from './request-context.ts';

type RemoveRequest = Extract<WorkerRequest, { readonly kind: 'remove' }>;

/** How many folders are emptied before others get a turn. */
const foldersAtATime = 64;

/**
 * Removes trees whose files belong to ids that only the namespace can remove. Never follows a link and never leaves a tree. Paths that
 * do not exist are fine.
 */
export async function remove(request: RemoveRequest, context: RequestContext): Promise<WorkerResults['remove']> {
  for (const tree of request.paths) {
    await removePath(tree, context.signal);
  }
  return {};
}

/** Removes one tree by its path. The folders above it are ours, so links among them are followed. */
export async function removePath(tree: string, signal?: AbortSignal): Promise<void> {
  const parent = openParent(tree);
  if (parent === undefined) {
    return;
  }
  try {
    let count = 0;
    for (const _ of removeInSteps(parent, Buffer.from(path.basename(tree)))) {
      count += 1;
      if (count % foldersAtATime === 0) {
        await nextTurn();
        signal?.throwIfAborted();
      }
    }
  } finally {
    close(parent);
  }
}

function openParent(tree: string): number | undefined {
  try {
    return openat(AT_FDCWD, path.dirname(tree), O_PATH | O_DIRECTORY);
  } catch (error) {
    if (isSyscallError(error, 'ENOENT', 'ENOTDIR')) {
      return undefined;
    }
    throw error;
  }
}
