import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isMissing } from '../../../registry/oci/thrown.ts';
import { type DiskLimit, diskLimitOf } from './disk-limit.ts';
import { GitFailure } from './git-program.ts';

/** What a repository may take on the disk: with its own folder, submodules, and all that is checked out. */
export interface SizeLimit extends DiskLimit {
  readonly files: number;
}

const mostFiles = 1_000_000;

/** The limit for a folder. */
export async function sizeLimitOf(folder: string): Promise<SizeLimit> {
  return { ...(await diskLimitOf(folder)), files: mostFiles };
}

/**
 * Lets git work in a folder, and stops it when the folder outgrows the limit: git itself has a limit for pushes only. The folder is measured
 * again and again, more seldom when that takes long, and at last when the work is done or has failed. Rejects with GitFailure.
 */
export async function withinLimit<T>(
  folder: string,
  { limit, signal }: { readonly limit: SizeLimit; readonly signal: AbortSignal },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const outgrown = new AbortController();
  const done = new AbortController();
  const watching = watch(folder, limit, { outgrown, done: done.signal });
  try {
    const result = await work(AbortSignal.any([signal, outgrown.signal])).catch(async (error: unknown) => {
      signal.throwIfAborted();
      // A small disk can be full before the folder is measured again, and git knows only that.
      throw (await isOutgrown(folder, limit)) ? tooLarge(limit) : error;
    });
    if (await isOutgrown(folder, limit)) throw tooLarge(limit);
    return result;
  } finally {
    done.abort();
    await watching;
  }
}

const shortestPauseMs = 100;
/** How much longer a pause is than the measuring before it. */
const pauseFactor = 10;

async function watch(
  folder: string,
  limit: SizeLimit,
  { outgrown, done }: { readonly outgrown: AbortController; readonly done: AbortSignal },
): Promise<void> {
  for (let pauseMs = shortestPauseMs; await isPauseOver(pauseMs, done); ) {
    const start = performance.now();
    if (await isOutgrown(folder, limit)) return outgrown.abort(tooLarge(limit));
    pauseMs = Math.max(shortestPauseMs, (performance.now() - start) * pauseFactor);
  }
}

/** False when nobody waits any longer. */
async function isPauseOver(pauseMs: number, done: AbortSignal): Promise<boolean> {
  try {
    await delay(pauseMs, undefined, { signal: done });
    return true;
  } catch (error) {
    if (done.aborted) return false;
    throw error;
  }
}

async function isOutgrown(folder: string, limit: SizeLimit): Promise<boolean> {
  let [bytes, files] = [0, 0];
  for await (const size of sizesBelow(folder)) {
    bytes += size;
    files += 1;
    if (bytes > limit.bytes || files > limit.files) return true;
  }
  return false;
}

/** Of everything in a folder. Git makes and removes files meanwhile. */
async function* sizesBelow(folder: string): AsyncGenerator<number> {
  const folders = [folder];
  for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
    for (const entry of await orIfGone(readdir(next, { withFileTypes: true, encoding: 'utf8' }), [])) {
      const path = join(next, entry.name);
      if (entry.isDirectory()) folders.push(path);
      yield entry.isFile() ? await orIfGone(sizeOf(path), 0) : 0;
    }
  }
}

async function sizeOf(path: string): Promise<number> {
  return (await lstat(path)).size;
}

async function orIfGone<T>(operation: Promise<T>, substitute: T): Promise<T> {
  try {
    return await operation;
  } catch (error) {
    if (isMissing(error)) return substitute;
    throw error;
  }
}

function tooLarge({ bytes, files, reason }: SizeLimit): GitFailure {
  const megabytes = Math.floor(bytes / 2 ** 20);
  return new GitFailure(`the repository takes more than ${megabytes} MiB${reason}, or more than ${files} files`);
}
