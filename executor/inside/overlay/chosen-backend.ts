import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AT_FDCWD, O_DIRECTORY, O_PATH } from '../../../native/constants.ts';
import { close, openat } from '../../../native/files.ts';
import { isSyscallError } from '../../../native/syscall-error.ts';
import { unreachable } from '../../../registry/oci/unreachable.ts';
import type { StorageChoice, StorageKind } from '../../protocol/storage.ts';
import { holdsWhiteoutDevices } from '../layer/whiteouts.ts';
import { Refusal } from '../request/failure.ts';
import type { OverlayBackend } from './backend.ts';
import { nativeOverlay } from './native-overlay.ts';

let chosen: OverlayBackend = nativeOverlay;

/** What shows trees in this worker. */
export function chosenBackend(): OverlayBackend {
  return chosen;
}

/** Chooses it, once, before the first request: what is asked for, or the best that works where the worker's small things are, which is the store. */
export async function chooseBackend(asked: StorageKind | 'auto'): Promise<StorageChoice> {
  const choice: StorageChoice = asked === 'auto' ? bestStorage() : { kind: asked };
  chosen = await backendOf(choice.kind);
  return choice;
}

async function backendOf(kind: StorageKind): Promise<OverlayBackend> {
  switch (kind) {
    case 'overlay':
      return nativeOverlay;
    case 'fuse-overlayfs':
      return await (await import('./fuse-overlay.ts')).startFuseOverlay();
    case 'copy':
      return (await import('./copy-backend.ts')).copyBackend;
    default:
      return unreachable(kind);
  }
}

function bestStorage(): StorageChoice {
  const reason = whyNoOverlay();
  return reason === undefined ? { kind: 'overlay' } : { kind: 'copy', reason };
}

/** Makes a small one. What has nothing to do with overlays, such as a full disk, is for the first step to meet. */
function whyNoOverlay(): string | undefined {
  const folder = mkdtempSync(path.join(tmpdir(), 'probe-'));
  try {
    const [lower, upper, work, merged] = ['lower', 'upper', 'work', 'merged'].map((name) => makeIn(folder, name));
    nativeOverlay.mount({ lowers: [lower ?? ''], writable: { upper: upper ?? '', work: work ?? '' } }, merged).unmount();
    return canHoldWhiteouts(folder) ? undefined : 'the file system of the store cannot hold the marks of deleted files';
  } catch (error) {
    if (error instanceof Refusal && error.code === 'machine') return error.message.replace(/^Cannot mount an overlay: /, '');
    if (isSyscallError(error, 'EPERM', 'EACCES', 'EINVAL', 'ENODEV', 'ENOSYS', 'EOPNOTSUPP', 'ELOOP')) return error.message;
    return undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function makeIn(folder: string, name: string): string {
  const made = path.join(folder, name);
  mkdirSync(made);
  return made;
}

function canHoldWhiteouts(folder: string): boolean {
  const fd = openat(AT_FDCWD, folder, O_PATH | O_DIRECTORY);
  try {
    return holdsWhiteoutDevices(fd);
  } finally {
    close(fd);
  }
}
