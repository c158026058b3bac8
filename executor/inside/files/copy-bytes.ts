import { fstatSync, ftruncateSync, readSync } from 'node:fs';
import { SEEK_DATA, SEEK_HOLE, SEEK_SET } from '../../../native/constants.ts';
import { copyFileRange, ficlone, lseek } from '../../../native/files.ts';
import { isSyscallError } from '../../../native/syscall-error.ts';
import { writeFully } from './write-fully.ts';

/** Up to this size one read and one write are the fastest way. */
const smallBytes = 1 << 17;
/** What the kernel copies at a time. */
const stepBytes = 1 << 23;
const buffer = Buffer.allocUnsafeSlow(smallBytes);

/**
 * Copies the first `size` bytes of a file into an empty one, both at their beginning: as a clone where the file system can, inside the
 * kernel where it cannot, holes as holes. Gives how many bytes there were, fewer if the file is shorter. A large file is copied in steps,
 * between which others can have a turn.
 */
export function* copyBytes(inFd: number, outFd: number, size: number): Generator<void, number, undefined> {
  if (size <= smallBytes) return yield* copyThroughMemory(inFd, outFd, size);
  if (clone(inFd, outFd)) return fstatSync(outFd).size;
  return yield* copyPieces(inFd, outFd, size);
}

function clone(inFd: number, outFd: number): boolean {
  try {
    ficlone(outFd, inFd);
    return true;
  } catch (error) {
    if (isSyscallError(error, 'EOPNOTSUPP', 'EXDEV', 'EINVAL', 'ENOTTY', 'ETXTBSY', 'EPERM')) return false;
    throw error;
  }
}

function* copyPieces(inFd: number, outFd: number, size: number): Generator<void, number, undefined> {
  let end = 0;
  for (let start = lseek(inFd, 0, SEEK_DATA); start !== undefined && start < size; start = lseek(inFd, end, SEEK_DATA)) {
    end = Math.min(lseek(inFd, start, SEEK_HOLE) ?? size, size);
    lseek(inFd, start, SEEK_SET);
    lseek(outFd, start, SEEK_SET);
    yield;
    const copied = yield* copyPiece(inFd, outFd, end - start);
    if (copied < end - start) return start + copied;
  }
  const length = Math.min(size, fstatSync(inFd).size);
  if (end < length) ftruncateSync(outFd, length);
  return length;
}

function* copyPiece(inFd: number, outFd: number, length: number): Generator<void, number, undefined> {
  let done = 0;
  try {
    for (let copied = -1; copied !== 0 && done < length; done += copied) {
      copied = copyFileRange(inFd, outFd, Math.min(length - done, stepBytes));
      yield;
    }
    return done;
  } catch (error) {
    if (isSyscallError(error, 'EXDEV', 'EINVAL', 'EOPNOTSUPP', 'ENOSYS', 'EPERM', 'EIO')) {
      return done + (yield* copyThroughMemory(inFd, outFd, length - done));
    }
    throw error;
  }
}

function* copyThroughMemory(inFd: number, outFd: number, length: number): Generator<void, number, undefined> {
  let done = 0;
  while (done < length) {
    const read = readSync(inFd, buffer, 0, Math.min(length - done, smallBytes), null);
    if (read === 0) return done;
    writeFully(outFd, buffer.subarray(0, read));
    done += read;
    if (done < length) yield;
  }
  return done;
}
