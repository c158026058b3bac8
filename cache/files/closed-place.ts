import { accessSync, constants, type Stats, statSync } from 'node:fs';
import path from 'node:path';

interface FoundPath {
  readonly path: string;
  readonly status: Stats;
}

/**
 * What keeps this user from a file, on the way to it or at its end, as a hint that names the cure. undefined when no mode and no owner does:
 * the file system may be read-only.
 */
export function cureOfAccess(file: string): string | undefined {
  const way = wayTo(path.resolve(file));
  const places = way.map(lookAt);
  const reached = places.filter((place) => place !== undefined);
  // Where the way ends before the file, it is the last folder that cannot be entered or written to.
  const suspects = reached.length === way.length ? reached.slice(-2).toReversed() : reached.slice(-1);
  const closed = suspects.find(isClosed);
  if (closed === undefined) return undefined;
  return closed.status.uid === process.geteuid?.() ? cureOfMode(closed) : cureOfOwner(closed);
}

/** A path after all folders above it. */
function wayTo(file: string): readonly string[] {
  const folder = path.dirname(file);
  return folder === file ? [file] : [...wayTo(folder), file];
}

/** undefined for what is not there, or lies in a folder that cannot be entered. */
function lookAt(at: string): FoundPath | undefined {
  try {
    return { path: at, status: statSync(at) };
  } catch {
    return undefined;
  }
}

function isClosed({ path: at, status }: FoundPath): boolean {
  const entering = status.isDirectory() ? constants.X_OK : 0;
  try {
    accessSync(at, constants.R_OK | constants.W_OK | entering);
    return false;
  } catch {
    return true;
  }
}

function cureOfMode({ path: at, status }: FoundPath): string {
  const command = `chmod ${status.isDirectory() ? 'u+rwx' : 'u+rw'} ${at}`;
  return `Run "${command}", or "tsbuild store verify --repair" for all of the store, or choose another folder with --store`;
}

function cureOfOwner({ path: at, status }: FoundPath): string {
  const command = `chown ${process.geteuid?.() ?? 0} ${at}`;
  return `It belongs to another user (id ${status.uid}): choose a folder of yours with --store or TSBUILD_STORE, or have root run "${command}"`;
}
