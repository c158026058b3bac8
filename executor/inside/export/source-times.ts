import path from 'node:path';
import { S_IFMT, S_IFREG } from '../../../native/constants.ts';
import { close, type FileStatus } from '../../../native/files.ts';
import { isSyscallError } from '../../../native/syscall-error.ts';
import { bytesOfPath, type RawPath } from '../../../registry/oci/raw-path.ts';
import type { TarHeader } from '../../../registry/oci/tar/header.ts';
import type { LayerEpoch } from '../../protocol/messages.ts';
import { headAt, type SourceTime, sourceOfPythonCache } from '../commit/python-cache.ts';
import { timeAtEpoch, wholeSeconds } from '../files/file-times.ts';
import { mountRootfs, type ReadOnlyRootfs, type RootfsContext } from '../overlay/rootfs.ts';
import { openRoot, statInRoot } from '../root/resolve-in-root.ts';

/** Tells the times of files that others were made from; undefined for what is no file. */
export interface Sources {
  timeOf(file: RawPath): SourceTime | undefined;
}

interface ReadFile {
  readonly header: TarHeader;
  readonly fd: number | undefined;
  readonly head?: Uint8Array | undefined;
}

/** Lets compiled modules of Python leave with the time at which their sources leave, which without that would be compiled again at each start. */
export function* withSourceTimes<T extends ReadFile>(files: Iterable<T>, sources: Sources): Generator<T, void, undefined> {
  for (const file of files) {
    const head = headOf(file, sources);
    yield head === undefined ? file : { ...file, head };
  }
}

function headOf({ header, fd }: ReadFile, sources: Sources): Uint8Array | undefined {
  const source = header.type === 'file' && fd !== undefined ? sourceOfPythonCache(header.path) : undefined;
  const time = source && sources.timeOf(source);
  return time === undefined || fd === undefined ? undefined : headAt(fd, time);
}

/** The files of a whole tree, all of which leave at an epoch. */
export class TreeSources implements Sources {
  readonly #rootFd: number;
  readonly #epoch: number;

  constructor(rootFd: number, epoch: number) {
    this.#rootFd = rootFd;
    this.#epoch = epoch;
  }

  timeOf(file: RawPath): SourceTime | undefined {
    const here = timeInRoot(this.#rootFd, file);
    return here === undefined ? undefined : { here, leaving: timeAtEpoch(here, this.#epoch) };
  }
}

/** The files that a layer shows with those below it. Those of the base image leave as they are. */
export class LayerSources implements Sources, Disposable {
  readonly epoch: number;
  readonly #rootfs: ReadOnlyRootfs;
  readonly #rootFd: number;
  /** The folders of the layers that leave at the epoch. */
  readonly #layers: readonly string[];

  constructor({
    directory,
    epoch,
    context,
  }: { readonly directory: string; readonly epoch: LayerEpoch; readonly context: RootfsContext }) {
    this.epoch = epoch.seconds;
    this.#layers = [...epoch.below, path.join(directory, 'fs')];
    this.#rootfs = mountRootfs({ lowers: [...epoch.base, ...this.#layers], context });
    this.#rootFd = openRoot(this.#rootfs.path);
  }

  timeOf(file: RawPath): SourceTime | undefined {
    const here = timeInRoot(this.#rootFd, file);
    if (here === undefined) return undefined;
    return { here, leaving: this.#isOfBase(file) ? here : timeAtEpoch(here, this.epoch) };
  }

  [Symbol.dispose](): void {
    close(this.#rootFd);
    this.#rootfs[Symbol.dispose]();
  }

  /** For what the tree shows: whatever is above the base with that name would hide it. */
  #isOfBase(file: RawPath): boolean {
    return !this.#layers.some((layer) => {
      const fd = openRoot(layer);
      try {
        return timeInRoot(fd, file) !== undefined;
      } finally {
        close(fd);
      }
    });
  }
}

/** Of a link it is not looked where it leads. */
function timeInRoot(rootFd: number, file: RawPath): number | undefined {
  const status = statusInRoot(rootFd, file);
  return status !== undefined && (status.mode & S_IFMT) === S_IFREG ? wholeSeconds(status.mtimeNs) : undefined;
}

/** undefined also where links have no end, and for paths that are too long for one call. */
function statusInRoot(rootFd: number, file: RawPath): FileStatus | undefined {
  try {
    return statInRoot(rootFd, bytesOfPath(file), { follow: false });
  } catch (error) {
    if (isSyscallError(error, 'ELOOP', 'ENAMETOOLONG')) return undefined;
    throw error;
  }
}
