import { readSync, writeSync } from 'node:fs';
import { O_NOFOLLOW, O_NONBLOCK, O_WRONLY } from '../../../native/constants.ts';
import { close, openat } from '../../../native/files.ts';
import { constantTimeSeconds } from '../../../registry/oci/layer/constant-time.ts';
import { folderOf, joinPath, nameOf, type RawPath, rawPath } from '../../../registry/oci/raw-path.ts';
import { wholeSeconds } from '../files/file-times.ts';

/** A file in a layer folder, open for reading. */
interface OpenFile {
  readonly folderFd: number;
  readonly name: Buffer;
  readonly fd: number;
}

/** True for the names of what Python compiles its modules to. */
export function isPythonCache(name: Buffer): boolean {
  return name.subarray(-4).equals(suffix);
}

/**
 * Gives a compiled module of Python the time that its source gets in the layer. Python takes it only when the time in its header is the
 * source's; without this it would compile such modules again at each start, and their bytes would tell the time of day. Times before the build
 * stay, as those of files do.
 */
export function setSourceTime({ folderFd, name, fd }: OpenFile, buildStartNs: bigint): void {
  const header = Buffer.alloc(12);
  const offset = readSync(fd, header, 0, header.length, 0) < header.length ? undefined : timeOffset(header);
  if (offset === undefined || header.readUInt32LE(offset) < wholeSeconds(buildStartNs)) return;
  const time = Buffer.alloc(4);
  time.writeUInt32LE(constantTimeSeconds);
  const writable = openat(folderFd, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    writeSync(writable, time, 0, time.length, offset);
  } finally {
    close(writable);
  }
}

/**
 * The file that Python compiles to a path, by the names of PEP 3147 and PEP 488; undefined for other paths.
 */
export function sourceOfPythonCache(path: RawPath): RawPath | undefined {
  const parts = nameOf(path).split('.');
  if (parts.pop() !== 'pyc') return undefined;
  const folder = folderOf(path);
  if (nameOf(folder) !== '__pycache__') return joinPath(folder, rawPath(`${parts.join('.')}.py`));
  if (parts.at(-1)?.startsWith('opt-') === true) parts.pop();
  // The tag of the interpreter: cpython-311.
  parts.pop();
  return parts.length === 0 ? undefined : joinPath(folderOf(folder), rawPath(`${parts.join('.')}.py`));
}

/** The times of a source, in seconds: in the snapshot, and as it leaves. */
export interface SourceTime {
  readonly here: number;
  readonly leaving: number;
}

/** The beginning of a compiled module with the time at which its source leaves; undefined when the module is stale, or has no such time. */
export function headAt(fd: number, { here, leaving }: SourceTime): Uint8Array | undefined {
  const header = Buffer.alloc(12);
  const offset = readSync(fd, header, 0, header.length, 0) < header.length ? undefined : timeOffset(header);
  if (offset === undefined || header.readUInt32LE(offset) !== here >>> 0) return undefined;
  header.writeUInt32LE(leaving >>> 0, offset);
  return header;
}

const suffix = Buffer.from('.pyc');

/**
 * Where the header holds the time of the source; undefined when it is checked by hash, or the file is something else. Since Python 3.7 flags come
 * before the time; magic numbers of Python 2 are above 20000. (PEP 552; CPython Include/internal/pycore_magic_number.h)
 */
function timeOffset(header: Buffer): number | undefined {
  const magic = header.readUInt16LE(0);
  if (header.readUInt16LE(2) !== 0x0a0d) return undefined;
  if (magic >= 3390 && magic < 20_000) return header.readUInt32LE(4) === 0 ? 8 : undefined;
  return magic >= 3000 ? 4 : undefined;
}
