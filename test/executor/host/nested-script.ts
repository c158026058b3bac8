/**
 * Becomes root of a user namespace of its own, as a container would make it, and runs the client script there: `no-namespaces` forbids more
 * of them, `container` has a few ids.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startTape } from '../../../native/tape/start.ts';
import type { TapeEntry } from '../../../native/tape/tape.ts';

const [, , kind] = process.argv;
const script = fileURLToPath(new URL('./client-script.js', import.meta.url));

const forbid: readonly TapeEntry[] = [
  { syscall: 'openat', args: [-100, '/proc/sys/user/max_user_namespaces', 1, 0], what: 'max_user_namespaces' },
  { syscall: 'write', args: [{ kind: 'result', entry: 0 }, '0', 1], what: 'max_user_namespaces' },
];

const child = await startTape(
  [
    ...(kind === 'no-namespaces' ? forbid : []),
    { syscall: 'setresgid', args: [0, 0, 0], what: 'group 0' },
    { syscall: 'setresuid', args: [0, 0, 0], what: 'user 0' },
    {
      syscall: 'execve',
      args: [process.execPath, [process.execPath, script], [`PATH=${process.env['PATH']}`]],
      what: process.execPath,
    },
  ],
  {
    namespaces: ['user'],
    onCloned: (pid) => {
      const isContainer = kind === 'container';
      if (!isContainer) {
        writeFileSync(`/proc/${pid}/setgroups`, 'deny');
      }
      writeFileSync(`/proc/${pid}/uid_map`, isContainer ? '0 0 1000\n1000 2000 5' : `0 ${process.getuid?.()} 1`);
      writeFileSync(`/proc/${pid}/gid_map`, isContainer ? '0 0 1000\n1000 2000 5' : `0 ${process.getgid?.()} 1`);
    },
  },
);
const { exitCode } = await child.exited;
process.exitCode = exitCode ?? 1;
