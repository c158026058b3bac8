import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG } from '../../../native/constants.ts';

type FileType = 'file' | 'directory' | 'symlink' | 'char' | 'block' | 'fifo';

const types: ReadonlyMap<number, FileType> = new Map([
  [S_IFREG, 'file'],
  [S_IFDIR, 'directory'],
  [S_IFLNK, 'symlink'],
  [S_IFCHR, 'char'],
  [S_IFBLK, 'block'],
  [S_IFIFO, 'fifo'],
]);

/** What a file is, by the bits of its mode. (inode(7)) undefined for a socket, which tar has no place for. */
export function fileTypeOf({ mode }: { readonly mode: number }): FileType | undefined {
  return types.get(mode & S_IFMT);
}
