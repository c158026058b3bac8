import { AT_FDCWD, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_PATH, O_RDONLY } from '../../../native/constants.ts';
import { close, openat } from '../../../native/files.ts';
import type { LayerEntry } from '../../../registry/oci/layer/layer-entry.ts';
import { bytesOfPath, type RawPath } from '../../../registry/oci/raw-path.ts';
import { FolderCache, splitPath } from '../files/folder-cache.ts';
import { openInRoot } from '../root/resolve-in-root.ts';
import { entryHeader } from './layer-header.ts';
import type { TarItem } from './tar-chunks.ts';

/** The tar of a layer that is not kept as a folder, beside its index. */
export const packedLayer = 'layer.tar';

/** The items of a layer's tar, made of its index and the files in its folder. */
export function* layerItems(fs: string, entries: Iterable<LayerEntry>): Generator<TarItem, void, undefined> {
  const rootFd = openat(AT_FDCWD, fs, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  try {
    using folders = new FolderCache(rootFd, (path) => openInRoot(rootFd, bytesOfPath(path), O_PATH | O_DIRECTORY));
    for (const entry of entries) {
      const header = entryHeader(entry);
      if (entry.type === 'file' && entry.size > 0) {
        const fd = openFile(folders, entry.path);
        try {
          yield { header, fd };
        } finally {
          close(fd);
        }
      } else {
        yield { header, fd: undefined };
      }
    }
  } finally {
    close(rootFd);
  }
}

function openFile(folders: FolderCache, path: RawPath): number {
  const { parent, name } = splitPath(path);
  return openat(folders.get(parent).fd, bytesOfPath(name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
}
