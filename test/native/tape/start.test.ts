import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as later, setImmediate as nextTurn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { PR } from '../../../native/constants.ts';
import { close } from '../../../native/files.ts';
import { pidfdOpen, pipe2, prctl } from '../../../native/processes.ts';
import { SyscallError } from '../../../native/syscall-error.ts';
import { startTape } from '../../../native/tape/start.ts';
import type { TapeEntry } from '../../../native/tape/tape.ts';
import { runScript, startScript } from '../../executor/host/run-script.ts';
import { requires } from '../../support/requires.ts';
import type { UserKind } from '../../support/users.ts';
import { hasEnded } from './has-ended.ts';

function execve(program: string, ...args: readonly string[]): TapeEntry {
  return { syscall: 'execve', args: [program, [program, ...args], ['PATH=/usr/bin:/bin']], what: program };
}

/** Runs a shell command by a tape, and gives what it printed. */
async function shell(script: string, before: readonly TapeEntry[] = []): Promise<string> {
  const [readFd, writeFd] = pipe2();
  const tape = [...before, { syscall: 'dup3', args: [writeFd, 1, 0] } as const, execve('/bin/sh', '-c', script)];
  const child = await startTape(tape, { namespaces: [] });
  close(writeFd);
  await child.exited;
  const buffer = Buffer.alloc(65_536);
  const length = readSync(readFd, buffer);
  close(readFd);
  return buffer.toString('utf8', 0, length);
}

test('startTape() gives the exit code', async () => {
  const child = await startTape([execve('/bin/sh', '-c', 'exit 42')], { namespaces: [] });
  assert.deepEqual(await child.exited, { exitCode: 42 });
});

test('startTape() gives the signal that ended the process, and signal() says when it is gone', async () => {
  const child = await startTape([execve('/bin/sleep', '1000')], { namespaces: [] });
  assert.equal(child.signal('SIGTERM'), true);
  assert.deepEqual(await child.exited, { signal: 'SIGTERM' });
  assert.equal(child.signal('SIGTERM'), false);
});

const failures: readonly [name: string, tape: readonly TapeEntry[], error: object][] = [
  [
    'a failing entry',
    [{ syscall: 'chdir', args: ['/does/not/exist'], what: '/does/not/exist' }, execve('/bin/true')],
    {
      syscall: 'chdir',
      code: 'ENOENT',
      subject: '/does/not/exist',
      message: 'chdir /does/not/exist: ENOENT (No such file or directory)',
    },
  ],
  [
    'a program that is not there',
    [execve('/does/not/exist')],
    { syscall: 'execve', code: 'ENOENT', message: 'execve /does/not/exist: ENOENT (No such file or directory)' },
  ],
  ['a program that may not be run', [execve('/etc/passwd')], { syscall: 'execve', code: 'EACCES' }],
  [
    'a failing entry without a name',
    [{ syscall: 'close', args: [999] }, execve('/bin/true')],
    { message: 'close: EBADF (Bad file descriptor)' },
  ],
  [
    'a failing alternative',
    [
      { syscall: 'close', args: [999], otherwise: [{ syscall: 'chdir', args: ['/etc/passwd'], what: 'there' }] },
      execve('/bin/true'),
    ],
    { syscall: 'chdir', code: 'ENOTDIR', subject: 'there' },
  ],
];
for (const [name, tape, expected] of failures) {
  test(`startTape() reports ${name}`, async () => {
    await assert.rejects(startTape(tape, { namespaces: [] }), (error) => {
      assert.ok(error instanceof SyscallError);
      for (const [key, value] of Object.entries(expected)) assert.equal(Reflect.get(error, key), value);
      return true;
    });
  });
}

test('startTape() reports a tape that was killed on its way', async () => {
  const tape: TapeEntry[] = [{ syscall: 'getpid', args: [] }, { syscall: 'kill', args: [0, 0] }, execve('/bin/true')];
  const suicide: TapeEntry = { syscall: 'exit_group', args: [0] };
  await assert.rejects(startTape([suicide, ...tape], { namespaces: [] }), {
    message: /was killed before it could start, at exit_group/,
  });
});

test('startTape() rejects with what onCloned throws, and leaves no process', async () => {
  let pid = 0;
  const onCloned = (child: number): void => {
    pid = child;
    throw new Error('no maps');
  };
  await assert.rejects(startTape([execve('/bin/true')], { namespaces: [], onCloned }), { message: 'no maps' });
  assert.throws(() => pidfdOpen(pid), { code: 'ESRCH' });
});

test('startTape() holds the child at the gate while onCloned runs', async () => {
  let command = '';
  const onCloned = async (pid: number): Promise<void> => {
    await later(20);
    command = readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  };
  const child = await startTape([execve('/bin/true')], { namespaces: [], onCloned });
  assert.equal(command, readFileSync('/proc/self/comm', 'utf8').trim());
  assert.deepEqual(await child.exited, { exitCode: 0 });
});

test('startTape() gives the child default signals and an empty mask', async () => {
  // What Node ignores and handles must not reach the program.
  process.on('SIGUSR2', () => {});
  const text = await shell('grep -E "^Sig(Ign|Blk)" /proc/self/status');
  process.removeAllListeners('SIGUSR2');
  assert.match(text, /^SigBlk:\t0+\nSigIgn:\t0+\n$/);
});

test('startTape() gives the child its standard streams and what the tape duplicates, nothing else', async () => {
  const [readFd, writeFd] = pipe2();
  // A glob would open the folder.
  const text = await shell('cd /proc/$$/fd; n=0; while [ $n -lt 100 ]; do [ -e $n ] && echo $n; n=$((n+1)); done', [
    { syscall: 'dup3', args: [readFd, 9, 0] },
  ]);
  close(readFd);
  close(writeFd);
  assert.deepEqual(text.trim().split('\n'), ['0', '1', '2', '9']);
});

test('startTape() leaves the own signal mask as it was', async () => {
  const before = blockedSignals();
  await shell('true');
  assert.equal(blockedSignals(), before);
});

function blockedSignals(): string {
  return /^SigBlk:.*$/m.exec(readFileSync('/proc/thread-self/status', 'utf8'))?.[0] ?? '';
}

test('startTape() hands a result to a later entry', async () => {
  const before: TapeEntry[] = [
    { syscall: 'openat', args: [-100, '/etc/passwd', 0, 0] },
    { syscall: 'dup3', args: [{ kind: 'result', entry: 0 }, 7, 0] },
  ];
  assert.match(await shell('head -1 <&7', before), /^root:/);
});

test('startTape() keeps the own process dumpable when a child changes its ids', requires('user-namespaces'), async () => {
  const [readFd, writeFd] = pipe2();
  const tape: TapeEntry[] = [{ syscall: 'setresuid', args: [65534, 65534, 65534], mayFail: true }, execve('/bin/true')];
  await (await startTape(tape, { namespaces: [] })).exited;
  close(readFd);
  close(writeFd);
  assert.equal(prctl(PR.GET_DUMPABLE), 1);
});

test('startTape() loses no process of 2,000, 8 at a time, beside processes of Node', async () => {
  const total = 2000;
  let next = 0;
  const codes = new Map<number, number>();
  const lane = async (): Promise<void> => {
    while (next < total) {
      const code = next++ % 100;
      const child = await startTape([execve('/bin/sh', '-c', `exit ${code}`)], { namespaces: [] });
      assert.deepEqual(await child.exited, { exitCode: code });
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
  };
  await Promise.all([...Array.from({ length: 8 }, lane), spawnOften(50)]);
  assert.deepEqual(new Set(codes.values()), new Set([total / 100]));
  assert.equal(codes.size, 100);
});

async function spawnOften(times: number): Promise<void> {
  for (let index = 0; index < times; index++) {
    const [code] = await once(spawn('/bin/sh', ['-c', 'exit 7']), 'exit');
    assert.equal(code, 7);
  }
}

test('startTape() leaks neither descriptors nor memory', async () => {
  await startAndFail(20);
  const before = await holdings();
  await startAndFail(200);
  const after = await holdings();
  assert.equal(after.descriptors, before.descriptors);
  // One tape is 10 kB, and this is less than what ten would hold.
  assert.ok(after.bytes - before.bytes < 100_000, `${after.bytes - before.bytes} bytes are still held`);
});

async function startAndFail(times: number): Promise<void> {
  for (let index = 0; index < times; index++) {
    await (await startTape([execve('/bin/true')], { namespaces: [] })).exited;
    await startTape([execve('/does/not/exist')], { namespaces: [] }).catch(() => {});
    await startTape([execve('/bin/true')], { namespaces: [], onCloned: () => Promise.reject(new Error()) }).catch(() => {});
  }
}

async function holdings(): Promise<{ readonly descriptors: number; readonly bytes: number }> {
  setFlagsFromString('--expose-gc');
  // Buffers are freed behind the collector's back, so it gets some turns.
  for (let turn = 0; turn < 10; turn++) {
    runInNewContext('gc()');
    await nextTurn();
  }
  return { descriptors: readdirSync('/proc/self/fd').length, bytes: process.memoryUsage().arrayBuffers };
}

const sandboxScript = fileURLToPath(new URL('./sandbox-script.js', import.meta.url));
const users: readonly UserKind[] = ['root', 'subids', 'single'];
for (const user of users) {
  const needs = user === 'root' ? requires('root') : requires('user-namespaces', `user:${user}`);
  test(`a process in seven namespaces sees only its own, as ${user}`, needs, async () => {
    const { stdout, stderr, status } = await runScript(sandboxScript, { user });
    assert.deepEqual([stderr, status], ['', 0]);
    assert.deepEqual(JSON.parse(stdout), {
      newNamespaces: ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts'],
      processes: 1,
      hostname: 'inside',
      uid: '0',
      mountsOutside: 0,
    });
  });
}

test('a process dies with the one that started it, also at the gate', requires('user-namespaces'), async () => {
  const script = fileURLToPath(new URL('./parent-script.js', import.meta.url));
  const parent = startScript(script);
  const [line] = await once(parent.stdout ?? parent, 'data');
  const children = String(line).trim().split(' ').map(Number);
  assert.equal(children.length, 2);
  const ended = children.map(hasEnded);
  parent.kill('SIGKILL');
  await Promise.all(ended);
});
