import { constants } from 'node:fs';

/** Stands for the working directory where a directory descriptor is expected. */
export const AT_FDCWD = -100;

/** Flags of the *at() calls. */
export const AT = {
  SYMLINK_NOFOLLOW: 0x100,
  REMOVEDIR: 0x200,
  SYMLINK_FOLLOW: 0x400,
  NO_AUTOMOUNT: 0x800,
  EMPTY_PATH: 0x1000,
  RECURSIVE: 0x8000,
} as const;

export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_CREAT = 0o100;
export const O_EXCL = 0o200;
export const O_NOCTTY = 0o400;
export const O_NONBLOCK = 0o4000;
export const O_CLOEXEC = 0o2000000;
export const O_PATH = 0o10000000;
// These two differ between processors; Node was compiled for ours.
export const O_DIRECTORY: number = constants.O_DIRECTORY;
export const O_NOFOLLOW: number = constants.O_NOFOLLOW;
export const O_TMPFILE: number = 0o20000000 | constants.O_DIRECTORY;

/** File types in a mode, and the mask that takes them out. (inode(7)) */
export const S_IFMT = 0o170000;
export const S_IFSOCK = 0o140000;
export const S_IFLNK = 0o120000;
export const S_IFREG = 0o100000;
export const S_IFBLK = 0o060000;
export const S_IFDIR = 0o040000;
export const S_IFCHR = 0o020000;
export const S_IFIFO = 0o010000;

/** How openat2() may walk. (openat2(2)) */
export const RESOLVE = {
  NO_XDEV: 0x01,
  NO_MAGICLINKS: 0x02,
  NO_SYMLINKS: 0x04,
  BENEATH: 0x08,
  IN_ROOT: 0x10,
} as const;

/** What is asked of statx(): what stat() gives. */
/** With STATX_BTIME. */
export const STATX_STATS = 0xfff;

export const SEEK_SET = 0;
export const SEEK_DATA = 3;
export const SEEK_HOLE = 4;

/** Operations of flock(). */
export const LOCK = { SH: 1, EX: 2, NB: 4, UN: 8 } as const;

/** Flags of renameat2(). */
export const RENAME = { NOREPLACE: 1, EXCHANGE: 2, WHITEOUT: 4 } as const;

/** Types in directory entries. (readdir(3)) */
export const DT = { UNKNOWN: 0, FIFO: 1, CHR: 2, DIR: 4, BLK: 6, REG: 8, LNK: 10, SOCK: 12 } as const;

/** Flags of mount(). */
export const MS = {
  RDONLY: 0x1,
  NOSUID: 0x2,
  NODEV: 0x4,
  NOEXEC: 0x8,
  SYNCHRONOUS: 0x10,
  REMOUNT: 0x20,
  MANDLOCK: 0x40,
  DIRSYNC: 0x80,
  NOSYMFOLLOW: 0x100,
  NOATIME: 0x400,
  NODIRATIME: 0x800,
  BIND: 0x1000,
  MOVE: 0x2000,
  REC: 0x4000,
  SILENT: 0x8000,
  UNBINDABLE: 0x20000,
  PRIVATE: 0x40000,
  SLAVE: 0x80000,
  SHARED: 0x100000,
  RELATIME: 0x200000,
  STRICTATIME: 0x1000000,
} as const;

/** Flags of umount2(). */
export const MNT_DETACH = 2;
export const UMOUNT_NOFOLLOW = 8;

/** Attributes of fsmount() and mount_setattr(). */
export const MOUNT_ATTR = {
  RDONLY: 0x1,
  NOSUID: 0x2,
  NODEV: 0x4,
  NOEXEC: 0x8,
  NOATIME: 0x10,
  STRICTATIME: 0x20,
  NODIRATIME: 0x80,
  IDMAP: 0x100000,
  NOSYMFOLLOW: 0x200000,
} as const;

export const FSOPEN_CLOEXEC = 1;
export const FSMOUNT_CLOEXEC = 1;
/** Flags of open_tree(). It also takes AT.EMPTY_PATH, AT.RECURSIVE and AT.SYMLINK_NOFOLLOW. */
export const OPEN_TREE = { CLONE: 1, CLOEXEC: 0o2000000 } as const;
/** Flags of move_mount(). */
export const MOVE_MOUNT = { F_SYMLINKS: 0x1, F_EMPTY_PATH: 0x4, T_SYMLINKS: 0x10, T_EMPTY_PATH: 0x40 } as const;

/** Commands of fsconfig(). */
export const FSCONFIG = {
  SET_FLAG: 0,
  SET_STRING: 1,
  SET_BINARY: 2,
  SET_PATH: 3,
  SET_FD: 5,
  CMD_CREATE: 6,
  CMD_RECONFIGURE: 7,
} as const;

/** Options of prctl() that a builder uses. */
export const PR = {
  SET_PDEATHSIG: 1,
  GET_DUMPABLE: 3,
  SET_DUMPABLE: 4,
  SET_KEEPCAPS: 8,
  SET_NAME: 15,
  CAPBSET_READ: 23,
  CAPBSET_DROP: 24,
  SET_TSC: 26,
  SET_SECUREBITS: 28,
  SET_TIMERSLACK: 29,
  MCE_KILL: 33,
  SET_CHILD_SUBREAPER: 36,
  SET_NO_NEW_PRIVS: 38,
  GET_NO_NEW_PRIVS: 39,
  SET_THP_DISABLE: 41,
  CAP_AMBIENT: 47,
  SET_MEMORY_MERGE: 67,
} as const;

/** Commands of fcntl(). */
export const F_DUPFD_CLOEXEC = 1030;
export const F_SETFD = 2;
export const FD_CLOEXEC = 1;
/** Flag of close_range(): mark instead of close. */
export const CLOSE_RANGE_CLOEXEC = 4;

/** seccomp(2). */
export const SECCOMP_SET_MODE_FILTER = 1;

/** Namespaces by the words that options use; values are flags of clone(). */
export const NAMESPACE_FLAGS = {
  user: 0x10000000,
  mount: 0x00020000,
  pid: 0x20000000,
  ipc: 0x08000000,
  uts: 0x04000000,
  cgroup: 0x02000000,
  net: 0x40000000,
} as const;
