/** Starts mounts-script as root of new user and mount namespaces. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { MS } from '../../native/constants.ts';
import { startTape } from '../../native/tape/start.ts';

const script = fileURLToPath(new URL('./mounts-script.js', import.meta.url));
const child = await startTape(
  [
    { syscall: 'setresgid', args: [0, 0, 0], what: 'group 0' },
    { syscall: 'setresuid', args: [0, 0, 0], what: 'user 0' },
    { syscall: 'mount', args: ['none', '/', 0, MS.REC | MS.PRIVATE, 0], what: 'private mounts' },
    { syscall: 'execve', args: [process.execPath, [process.execPath, script], ['PATH=/usr/bin:/bin']], what: process.execPath },
  ],
  {
    namespaces: ['user', 'mount'],
    onCloned: (pid) => {
      writeFileSync(`/proc/${pid}/setgroups`, 'deny');
      writeFileSync(`/proc/${pid}/uid_map`, `0 ${process.getuid?.()} 1`);
      writeFileSync(`/proc/${pid}/gid_map`, `0 ${process.getgid?.()} 1`);
    },
  },
);
process.exitCode = (await child.exited).exitCode ?? 1;
