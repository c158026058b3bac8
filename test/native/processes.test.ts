import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { PR } from '../../native/constants.ts';
import { close, read, write } from '../../native/files.ts';
import { isMapped, parseIdMap } from '../../native/id-extents.ts';
import { capabilityMask, capsetArguments, currentCapabilities, currentIdMaps } from '../../native/identity.ts';
import * as processes from '../../native/processes.ts';
import { hasEnded } from './tape/has-ended.ts';

test('pipe2() and socketpair() connect their ends', () => {
  const buffer = Buffer.alloc(4);
  const [readFd, writeFd] = processes.pipe2();
  write(writeFd, Buffer.from('pipe'));
  assert.deepEqual([read(readFd, buffer), buffer.toString()], [4, 'pipe']);
  const [left, right] = processes.socketpair();
  write(left, Buffer.from('left'));
  assert.deepEqual([read(right, buffer), buffer.toString()], [4, 'left']);
  write(right, Buffer.from('back'));
  assert.deepEqual([read(left, buffer), buffer.toString()], [4, 'back']);
  for (const fd of [readFd, writeFd, left, right]) {
    assert.match(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'), /^flags:\s+0?2\d{6}$/m);
    close(fd);
  }
});

test('signals reach a process by number and by descriptor, and say when it is gone', async () => {
  const child = spawn('sleep', ['1000']);
  const pid = child.pid ?? 0;
  const pidfd = processes.pidfdOpen(pid);
  const ended = hasEnded(pid);
  const exited = once(child, 'exit');
  assert.equal(processes.kill(pid, 'SIGCONT'), true);
  assert.equal(processes.pidfdSendSignal(pidfd, 'SIGTERM'), true);
  await ended;
  assert.deepEqual(await exited, [null, 'SIGTERM']);
  assert.equal(processes.pidfdSendSignal(pidfd, 'SIGTERM'), false);
  assert.equal(processes.kill(pid, 'SIGTERM'), false);
  assert.throws(() => processes.pidfdOpen(pid), { syscall: 'pidfd_open', code: 'ESRCH' });
  close(pidfd);
});

test('signalName() knows the names and makes one for others', () => {
  assert.deepEqual([9, 15, 40].map(processes.signalName), ['SIGKILL', 'SIGTERM', 'SIG40']);
});

test('prctl() reads and sets', () => {
  assert.equal(processes.prctl(PR.GET_DUMPABLE), 1);
  assert.throws(() => processes.prctl(123_456), { syscall: 'prctl', code: 'EINVAL' });
});

test('niceness() and resourceLimit() say what the shell would', () => {
  const field = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ')[16];
  assert.equal(processes.niceness(), Number(field));
  const limits = /^Max open files\s+(\d+)\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
  const RLIMIT_NOFILE = 7;
  const { soft, hard } = processes.resourceLimit(RLIMIT_NOFILE);
  assert.deepEqual([String(soft), String(hard)], [limits?.[1], limits?.[2]]);
});

test('capability sets are those of /proc', () => {
  const status = readFileSync('/proc/self/status', 'utf8');
  const mask = (name: string): bigint => BigInt(`0x${new RegExp(`^${name}:\\s+(\\w+)$`, 'm').exec(status)?.[1]}`);
  assert.deepEqual(currentCapabilities(), { effective: mask('CapEff'), permitted: mask('CapPrm'), inheritable: mask('CapInh') });
});

test('capsetArguments() splits the masks as version 3 wants them', () => {
  const effective = capabilityMask(['CAP_CHOWN', 'CAP_SYS_ADMIN', 'CAP_CHECKPOINT_RESTORE']);
  assert.equal(effective, 0x100_0020_0001n);
  const [header, data] = capsetArguments({ effective, permitted: 3n, inheritable: 0n });
  assert.equal(Buffer.from(header).toString('hex'), '2205082000000000');
  assert.equal(Buffer.from(data).toString('hex'), '010020000300000000000000000100000000000000000000');
});

test('parseIdMap() reads what the kernel prints', () => {
  const extents = parseIdMap('         0       1000          1\n         1     100000      65536\n');
  assert.deepEqual(extents, [
    { inside: 0, outside: 1000, count: 1 },
    { inside: 1, outside: 100_000, count: 65_536 },
  ]);
  assert.deepEqual(
    [0, 65_536, 65_537].map((id) => isMapped(id, extents)),
    [true, true, false],
  );
  assert.deepEqual(parseIdMap(''), []);
  assert.equal(isMapped(process.getuid?.() ?? 0, currentIdMaps().uids), true);
});
