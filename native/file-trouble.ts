/** What a file system or a limit does to any program, whatever it wanted: in words, with the cure. */
export interface FileTrouble {
  readonly words: string;
  readonly hint: string;
}

/**
 * Trouble with disks and limits by errno name; undefined for every other failure. A call that makes processes or mounts says ENOSPC for other
 * limits: see isAboutNamespaces().
 */
export function fileTrouble(code: string): FileTrouble | undefined {
  return Object.hasOwn(troubles, code) ? troubles[code] : undefined;
}

/** True for calls whose ENOSPC is about how many namespaces or mounts there may be, and not about a disk. (clone(2), unshare(2)) */
export function isAboutNamespaces(syscall: string): boolean {
  return namespaceCalls.has(syscall);
}

const namespaceCalls: ReadonlySet<string> = new Set([
  'clone',
  'unshare',
  'mount',
  'umount2',
  'fsmount',
  'move_mount',
  'open_tree',
  'pivot_root',
]);

const freeSpace = 'Free some space, or write to another disk';

const troubles: Readonly<Record<string, FileTrouble>> = {
  EDQUOT: { words: 'the disk quota is used up', hint: freeSpace },
  EFBIG: {
    words: 'a file became larger than it may be',
    hint: 'See what "ulimit -f" says, and how large a file the file system can hold',
  },
  EIO: {
    words: 'the disk reports an error',
    hint: 'See what the kernel says of the disk ("dmesg"); when it is well again, run this once more',
  },
  EMLINK: {
    words: 'a file has as many hard links as the file system allows',
    hint: 'ext4 allows 65,000; choose a store on another file system, such as XFS, with --store',
  },
  EMFILE: { words: 'too many files are open', hint: 'Allow more: "ulimit -n 1024"' },
  ENFILE: { words: 'the machine has too many files open', hint: 'Raise fs.file-max, or end some programs' },
  ENOSPC: { words: 'the disk is full', hint: freeSpace },
  EROFS: { words: 'the file system is read-only', hint: 'Choose another store with --store or TSBUILD_STORE' },
};
