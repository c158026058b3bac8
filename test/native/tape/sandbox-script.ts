/** Starts a shell in seven new namespaces with its own /proc and root, and prints what it finds. */
import { mkdtempSync, readFileSync, readlinkSync, rmdirSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MNT_DETACH, MS } from '../../../native/constants.ts';
import { close } from '../../../native/files.ts';
import { pipe2 } from '../../../native/processes.ts';
import { startTape } from '../../../native/tape/start.ts';

const kinds = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts'];
const command = [
  ...kinds.map((kind) => `readlink /proc/self/ns/${kind}`),
  'set -- /proc/[0-9]*; echo $#',
  'cat /proc/sys/kernel/hostname',
  'id -u',
].join('\n');

const root = mkdtempSync(join(tmpdir(), 'tsbuild-sandbox-'));
const [readFd, writeFd] = pipe2();
const child = await startTape(
  [
    { syscall: 'dup3', args: [writeFd, 1, 0], what: 'standard output' },
    { syscall: 'setresgid', args: [0, 0, 0], what: 'group 0' },
    { syscall: 'setresuid', args: [0, 0, 0], what: 'user 0' },
    { syscall: 'mount', args: ['none', '/', 0, MS.REC | MS.PRIVATE, 0], what: 'private mounts' },
    { syscall: 'mount', args: ['/', root, 0, MS.BIND | MS.REC, 0], what: root },
    { syscall: 'chdir', args: [root], what: root },
    { syscall: 'mount', args: ['proc', 'proc', 'proc', 0, 0], what: '/proc' },
    { syscall: 'pivot_root', args: ['.', '.'], what: root },
    { syscall: 'umount2', args: ['.', MNT_DETACH], what: 'old root' },
    { syscall: 'sethostname', args: ['inside', 6], what: 'inside' },
    { syscall: 'execve', args: ['/bin/sh', ['sh', '-c', command], ['PATH=/usr/bin:/bin']], what: '/bin/sh' },
  ],
  {
    namespaces: ['user', 'mount', 'pid', 'ipc', 'uts', 'cgroup', 'net'],
    onCloned: (pid) => {
      writeFileSync(`/proc/${pid}/setgroups`, 'deny');
      writeFileSync(`/proc/${pid}/uid_map`, `0 ${process.getuid?.()} 1`);
      writeFileSync(`/proc/${pid}/gid_map`, `0 ${process.getgid?.()} 1`);
    },
  },
);
close(writeFd);
let output = '';
for await (const piece of new Socket({ fd: readFd })) {
  output += String(piece);
}
await child.exited;
rmdirSync(root);

const lines = output.trim().split('\n');
const findings = {
  newNamespaces: kinds.filter((kind, index) => lines[index] !== readlinkSync(`/proc/self/ns/${kind}`)),
  // The shell itself is the first; what it starts to answer is not counted by a glob.
  processes: Number(lines[7]),
  hostname: lines[8],
  uid: lines[9],
  mountsOutside: readFileSync('/proc/self/mounts', 'utf8').split(root).length - 1,
};
process.stdout.write(JSON.stringify(findings));
