import { pathMax } from '../../../../native/batch/paths.ts';
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_PATH, RESOLVE } from '../../../../native/constants.ts';
import { encodeOpenHow } from '../../../../native/files.ts';
import { firstFreeDescriptor } from '../../../../native/tape/descriptors.ts';
import type { TapeEntry } from '../../../../native/tape/tape.ts';

/**
 * Enters the folder that an image or a file has named, without a magic link of /proc on the way, and then once more by the path that the kernel
 * has for it. A folder that cannot be reached from the root has one that begins with `(unreachable)`: with a slash before that it is a name
 * in the root, where nothing has it. So the process ends in its root or not at all. To be played when nothing but 0 to 3 is open. (getcwd(2))
 */
export function enterDirectory(cwd: string, hasOpenat2: boolean): readonly TapeEntry[] {
  const path = Buffer.alloc(1 + pathMax);
  path.write('/');
  const flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  const how = encodeOpenHow({ flags, resolve: RESOLVE.NO_MAGICLINKS });
  return [
    hasOpenat2
      ? { syscall: 'openat2', args: [AT_FDCWD, cwd, how, how.length], what: cwd }
      : { syscall: 'openat', args: [AT_FDCWD, cwd, flags, 0], what: cwd },
    { syscall: 'fchdir', args: [firstFreeDescriptor], what: cwd },
    { syscall: 'close', args: [firstFreeDescriptor], what: cwd },
    { syscall: 'getcwd', args: [{ kind: 'memory', bytes: path, offset: 1 }, pathMax], what: cwd },
    { syscall: 'chdir', args: [{ kind: 'memory', bytes: path, offset: 0 }], what: cwd },
  ];
}
