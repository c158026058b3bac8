import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { StoreError } from '../../../cache/files/errors.ts';
import { EnvironmentError, ExecutorError } from '../../../executor/host/errors.ts';
import { WorkerClient } from '../../../executor/host/worker-client.ts';
import type { StorageChoice, StorageKind } from '../../../executor/protocol/storage.ts';
import { errnoOf, hasErrno } from '../../../registry/oci/thrown.ts';
import { nearestFolder, type StoreFacts } from './facts.ts';

/** What trying a RUN showed. */
export interface Trial {
  /** True when a command ran, on an overlay in the store's file system. */
  readonly works: boolean;
  /** How many ids it had; undefined where the worker could not even be started. */
  readonly tier: string | undefined;
  /** How steps get their files; undefined where the worker could not even be started. */
  readonly storage: StorageChoice | undefined;
  /** How builds run, or why they do not. */
  readonly description: string;
  readonly hint: string | undefined;
  /** Why it is not better. */
  readonly reasons: readonly string[];
}

/**
 * Runs a small program as a RUN would be, where the store is or would be. Whether RUN works is not deduced but tried; nothing is left
 * behind. `refusal` is what a build would say of the store.
 */
export async function tryRun(
  { path: storeRoot, refusal }: Pick<StoreFacts, 'path' | 'refusal'>,
  { storage: asked, signal }: { readonly storage: StorageKind | undefined; readonly signal: AbortSignal },
): Promise<Trial> {
  const reasons: string[] = [];
  let tier: string | undefined;
  let storage: StorageChoice | undefined;
  try {
    const folder = await makeFolder(storeRoot, refusal);
    try {
      const onWarning = (message: string): void => void reasons.push(message);
      await using worker = await WorkerClient.start({ storeRoot, temporaryFolder: folder, signal, onWarning });
      tier = worker.tier.kind;
      storage = await worker.request({ kind: 'storage', asked: asked ?? 'auto' }, { signal });
      await worker.request({ kind: 'trial', directory: folder }, { signal });
      const { description, hint } = worker.tier;
      const others = reasons.filter((reason) => !reason.startsWith(description));
      const isTold = hint !== undefined && others.some((reason) => reason.includes(hint));
      return { works: true, tier, storage, description, hint: isTold ? undefined : hint, reasons: others };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  } catch (error) {
    return { works: false, tier, storage, ...refusalOf(error), reasons };
  }
}

// Beside the store, where it is not there yet: the file system decides what works.
async function makeFolder(storeRoot: string, refusal: StoreFacts['refusal']): Promise<string> {
  const folder = nearestFolder(storeRoot);
  accessSync(folder, constants.W_OK);
  if (refusal !== undefined) throw refusal;
  try {
    return await mkdtemp(join(folder, '.tsbuild-doctor-'));
  } catch (error) {
    // The kernel's own file systems take no folder, whoever asks. (proc(5))
    if (!hasErrno(error, 'ENOENT')) throw error;
    throw new StoreError('io', `Cannot use store ${storeRoot}: no folder can be made there (${folder})`, {
      path: storeRoot,
      cause: error,
      hint: 'Choose a folder that you can write to with --store or TSBUILD_STORE',
    });
  }
}

function refusalOf(error: unknown): Pick<Trial, 'description' | 'hint'> {
  if (error instanceof StoreError) return { description: error.message, hint: error.hint };
  if (error instanceof EnvironmentError) return { description: error.message, hint: error.hint };
  if (error instanceof ExecutorError) {
    const { failure } = error;
    return { description: error.message, hint: 'hint' in failure ? failure.hint : undefined };
  }
  if (error instanceof Error && errnoOf(error) !== undefined) {
    return { description: `Cannot use the store: ${error.message}`, hint: 'Name another folder with --store or TSBUILD_STORE' };
  }
  throw error;
}
