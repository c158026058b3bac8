import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from '../../../native/constants.ts';
import { close, mkdirat, openat } from '../../../native/files.ts';
import type { NameInFolder } from '../files/new-file.ts';
import type { TreeTask } from './tree-task.ts';

/** Opens a folder by its name, to read it; a link is refused. The caller closes it. */
export function openFolderIn({ fd, name }: NameInFolder): number {
  return openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

/** Makes a folder that only root may enter until it has its attributes, and opens it. */
export function makeFolderIn(place: NameInFolder): number {
  mkdirat(place.fd, place.name, 0o700);
  return openFolderIn(place);
}

/** Works with folders that are open meanwhile. */
export function* withFolders(fds: readonly number[], body: () => TreeTask): TreeTask {
  try {
    yield* body();
  } finally {
    fds.forEach(close);
  }
}
