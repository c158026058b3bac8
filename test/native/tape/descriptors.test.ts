import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { enterDirectory } from '../../../executor/inside/run/process/working-directory.ts';
import { MS } from '../../../native/constants.ts';
import { close } from '../../../native/files.ts';
import { pipe2 } from '../../../native/processes.ts';
import { closeDescriptors } from '../../../native/tape/descriptors.ts';
import { startTape } from '../../../native/tape/start.ts';
import type { TapeEntry } from '../../../native/tape/tape.ts';
import { requires } from '../../support/requires.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const ways = [
  ['in one go', true],
  ['one by one', false],
] as const;

/** The first 200 descriptors that a shell finds open, without what it opens itself. */
const listing = 'cd /proc/$$/fd; n=0; while [ $n -lt 200 ]; do [ -e $n ] && echo $n; n=$((n+1)); done';

for (const [way, hasCloseRange] of ways) {
  test(`closeDescriptors() leaves 0 to 2 to a program, ${way}`, async () => {
    const [readFd, writeFd] = pipe2();
    const held = Array.from({ length: 60 }, () => pipe2()).flat();
    const tape: TapeEntry[] = [
      { syscall: 'dup3', args: [writeFd, 1, 0] },
      // Neither of these is close-on-exec.
      ...[3, 9, 150].map((fd): TapeEntry => ({ syscall: 'dup3', args: [readFd, fd, 0] })),
      ...closeDescriptors(hasCloseRange),
      { syscall: 'execve', args: ['/bin/sh', ['sh', '-c', listing], ['PATH=/usr/bin:/bin']] },
    ];
    const child = await startTape(tape, { namespaces: [] });
    close(writeFd);
    await child.exited;
    const text = Buffer.alloc(4096);
    assert.equal(text.toString('utf8', 0, readSync(readFd, text)), '0\n1\n2\n');
    [readFd, ...held].forEach(close);
  });

  test(`closeDescriptors() does not hide the failure of what follows, ${way}`, async () => {
    const tape: TapeEntry[] = [...closeDescriptors(hasCloseRange), { syscall: 'execve', args: ['/none', [], []], what: '/none' }];
    await assert.rejects(startTape(tape, { namespaces: [] }), { syscall: 'execve', code: 'ENOENT' });
  });
}

describe('enterDirectory()', requires('user-namespaces', 'root'), () => {
  const folder = temporaryFolder('root');
  const root = folder.path;
  after(() => folder[Symbol.dispose]());
  for (const name of ['proc', 'a/b', '(unreachable)/etc/planted']) mkdirSync(folder.at(name), { recursive: true });

  /** A process with a new root, in which 5 and 20 are open folders outside, goes to `cwd`, and from there to `next`. */
  async function enter(cwd: string, hasOpenat2: boolean, next = '.'): Promise<void> {
    const [readFd, writeFd] = pipe2();
    const tape: TapeEntry[] = [
      { syscall: 'mount', args: ['none', '/', 0, MS.REC | MS.PRIVATE, 0] },
      { syscall: 'mount', args: ['/proc', `${root}/proc`, 0, MS.BIND | MS.REC, 0] },
      { syscall: 'dup3', args: [writeFd, 1, 0] },
      ...closeDescriptors(),
      { syscall: 'openat', args: [-100, '/etc', 0, 0] },
      { syscall: 'dup3', args: [4, 20, 0] },
      { syscall: 'openat', args: [-100, '/', 0, 0] },
      { syscall: 'close', args: [4] },
      { syscall: 'chdir', args: [root] },
      { syscall: 'chroot', args: ['.'] },
      ...enterDirectory(cwd, hasOpenat2),
      { syscall: 'chdir', args: [next], what: next },
      // The host's programs are found from there.
      { syscall: 'fchdir', args: [5] },
      { syscall: 'chroot', args: ['.'] },
      { syscall: 'execve', args: ['/bin/true', ['true'], []] },
    ];
    try {
      const child = await startTape(tape, { namespaces: ['user', 'mount'], onCloned: mapRoot });
      await child.exited;
    } finally {
      [readFd, writeFd].forEach(close);
    }
  }

  for (const [way, hasOpenat2] of [
    ['with openat2()', true],
    ['without', false],
  ] as const) {
    test(`enters folders of the root, ${way}`, async () => {
      for (const cwd of ['/', '/a/b', '/a/../a/./b', '/proc/self/cwd']) {
        if (!hasOpenat2 || !cwd.startsWith('/proc')) await enter(cwd, hasOpenat2);
      }
    });
  }

  test('refuses what leads out, with openat2()', async () => {
    await assert.rejects(enter('/proc/self/fd/20', true), { syscall: 'openat2', code: 'ELOOP' });
    await assert.rejects(enter('/proc/self/fd/5/etc/ssl', true), { syscall: 'openat2', code: 'ELOOP' });
  });

  test('refuses what leads out, without openat2()', async () => {
    await assert.rejects(enter('/proc/self/fd/5/usr/bin', false), { syscall: 'chdir', code: 'ENOENT' });
    // Where the root has a folder of that name it is that folder.
    await enter('/proc/self/fd/20', false, 'planted');
    await enter('/proc/self/fd/5', false, 'etc/planted');
  });
});

function mapRoot(pid: number): void {
  const read = (name: string): string => readFileSync(`/proc/self/${name}`, 'utf8');
  for (const name of ['uid_map', 'gid_map']) {
    const ids = read(name).trim().split(/\s+/)[2] ?? '1';
    writeFileSync(`/proc/${pid}/${name}`, `0 0 ${ids}\n`);
  }
}
