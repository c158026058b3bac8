import { AT, AT_FDCWD, DT, O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from '../../../native/constants.ts';
import { close, fstatat, openat, readDirectory, unlinkat, utimensat } from '../../../native/files.ts';
import { fgetXattr, flistXattrs, fremoveXattr, fsetXattr } from '../../../native/xattrs.ts';
import { makeWhiteout, opaqueXattr } from '../layer/whiteouts.ts';

const prefix = '.wh.';
const ownXattrs = 'user.fuseoverlayfs.';
/** How fuse-overlayfs marks a folder that hides what is below, besides an attribute. */
const opaqueNames: ReadonlySet<string> = new Set(['.wh..wh..opq', '.wh..opq']);

/** Spells in a folder of changes what fuse-overlayfs marks in its own ways as overlayfs does. Nobody may use the folder meanwhile. */
export function settleMarks(upper: string): void {
  settle(openat(AT_FDCWD, upper, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
}

/** Closes the folder. */
function settle(fd: number): void {
  try {
    const { mtimeNs } = fstatat(fd, '', AT.EMPTY_PATH);
    settleXattrs(fd);
    const entries = readDirectory(fd);
    for (const { name } of entries) settleName(fd, name);
    utimensat(fd, '', { mtimeNs }, AT.EMPTY_PATH);
    for (const { name, type } of entries) if (type === DT.DIR) settle(openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  } finally {
    close(fd);
  }
}

function settleXattrs(fd: number): void {
  const names = flistXattrs(fd).filter((name) => name.startsWith(ownXattrs));
  if (fgetXattr(fd, `${ownXattrs}opaque`)?.toString() === 'y') fsetXattr(fd, opaqueXattr, Buffer.from('y'));
  names.forEach((name) => fremoveXattr(fd, name));
}

/** Commands cannot make names like these in its mounts. */
function settleName(fd: number, name: Buffer): void {
  const text = name.toString('latin1');
  if (!text.startsWith(prefix)) return;
  unlinkat(fd, name);
  if (!opaqueNames.has(text)) makeWhiteout(fd, name.subarray(prefix.length));
}
