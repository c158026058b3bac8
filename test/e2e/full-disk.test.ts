import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FileServer } from '../support/file-server.ts';
import { GitServer } from '../support/git-server.ts';
import { writeBusyboxLayout } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('root', 'user:subids', 'tool:busybox');
const gitNeeds = requires('root', 'user:subids', 'tool:git');

/** Mounts a small disk at `small` in the sandbox until it is disposed. */
function smallDisk(box: Sandbox, megabytes: number): Disposable {
  mkdirSync(box.at('small'));
  const options = `size=${megabytes}m,mode=0755,uid=${box.user.uid},gid=${box.user.gid}`;
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', box.at('small')], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`Cannot mount: ${stderr}`);
  return { [Symbol.dispose]: () => spawnSync('umount', ['-l', box.at('small')]) };
}

async function prepared(): Promise<Sandbox> {
  const box = sandbox();
  await writeBusyboxLayout(box.at('base'));
  return box;
}

const base = ['--build-context', 'base=oci-layout://base'] as const;

test('a RUN that fills the disk fails clearly, and the store still works', needs, async () => {
  using box = await prepared();
  using _disk = smallDisk(box, 24);
  const store = ['--store', box.at('small/store')];
  box.file('c/Containerfile', 'FROM base\nRUN dd if=/dev/zero of=/big bs=1M count=100\n');
  await box.tsbuild(...store, ...base, 'c').fails({ exit: 1, stderr: /No space left on device/ });
  await box
    .file('c/Containerfile', 'FROM base\nRUN echo small > /small\n')
    .tsbuild(...store, ...base, 'c')
    .succeeds();
});

test('a COPY that fills the disk fails clearly, and the store still works', needs, async () => {
  using box = await prepared();
  using _disk = smallDisk(box, 24);
  const store = ['--store', box.at('small/store')];
  box.file('c/Containerfile', 'FROM base\nCOPY big /\n').file('c/big', Buffer.alloc(40 * 1024 * 1024, 'x'));
  await box.tsbuild(...store, ...base, 'c').fails({ exit: 5, stderr: /space|full/i });
  rmSync(box.at('c/big'));
  await box
    .file('c/Containerfile', 'FROM base\nRUN echo small > /small\n')
    .tsbuild(...store, ...base, 'c')
    .succeeds();
});

test('a base that does not fit fails clearly', needs, async () => {
  using box = await prepared();
  using _disk = smallDisk(box, 1);
  box.file('c/Containerfile', 'FROM base\nRUN true\n');
  await box.tsbuild('--store', box.at('small/store'), ...base, 'c').fails({ exit: 5, stderr: [/space|full/i, /hint: /] });
});

test('prune frees a disk on which nothing can be made any more', needs, async () => {
  using box = await prepared();
  using _disk = smallDisk(box, 24);
  const store = ['--store', box.at('small/store')];
  box.file('c/Containerfile', 'FROM base\nRUN echo small > /small\n');
  await box.tsbuild(...store, ...base, 'c').succeeds();
  fillNames(box.at('small'));
  assert.throws(() => mkdirSync(box.at('small/one')), { code: 'ENOSPC' });
  for (const command of ['images', 'du']) await box.tsbuild(command, ...store).succeeds();
  await box.tsbuild('prune', '--all', '--force', ...store).succeeds();
  mkdirSync(box.at('small/one'));
});

/** Takes the last inode of a disk. */
function fillNames(folder: string): void {
  spawnSync('mount', ['-o', 'remount,nr_inodes=400', folder]);
  try {
    for (let number = 0; number < 1000; number += 1) writeFileSync(join(folder, `f${number}`), '');
  } catch {
    // Full.
  }
}

test('a repository that would fill the disk is stopped, and leaves room', gitNeeds, async () => {
  await using server = await GitServer.start();
  const repository = server.repository('app').write('big', randomBytes(15 * 1024 * 1024).toString('latin1'));
  repository.commit('big');
  using box = sandbox();
  using _disk = smallDisk(box, 24);
  box.file('c/Containerfile', `FROM scratch\nADD ${server.url('app')} /d\n`);
  const stderr = /Cannot fetch "http:\S+": the repository takes more than 1[01] MiB, half of the free space of the disk/;
  await box.tsbuild('--store', box.at('small/store'), 'c').fails({ exit: 1, stderr });
  await box.tsbuild('--store', box.at('small/store'), server.url('app')).fails({ exit: 1, stderr });
  const { bavail, bsize } = statfsSync(box.at('small'));
  assert.ok(bavail * bsize > 22 * 1024 * 1024);
});

test('a file from a URL that would fill the disk is refused, and leaves room', needs, async () => {
  await using server = await FileServer.start();
  server.files.set('/big', { content: Buffer.alloc(15 * 1024 * 1024, 'x') });
  using box = sandbox();
  using _disk = smallDisk(box, 24);
  box.file('c/Containerfile', `FROM scratch\nADD ${server.url}/big /\n`);
  const stderr = /Cannot download "http:\S+": it is larger than 1[01] MiB, half of the free space of the disk/;
  await box.tsbuild('--store', box.at('small/store'), 'c').fails({ exit: 1, stderr });
  const { bavail, bsize } = statfsSync(box.at('small'));
  assert.ok(bavail * bsize > 22 * 1024 * 1024);
});

test('an archive that does not fit leaves nothing', needs, async () => {
  using box = await prepared();
  using _disk = smallDisk(box, 1);
  box.file('c/Containerfile', 'FROM base\nRUN true\n');
  await box
    .tsbuild(...base, '-o', 'type=oci,dest=small/o.tar', 'c')
    .fails({ exit: 5, stderr: /Cannot write "small\/o\.tar": no space left on device/ });
  await box.run(['sh', '-c', '[ -z "$(ls -A small)" ]']).succeeds();
  for (const output of ['type=tar,dest=small/o', 'type=local,dest=small/o', 'type=local,dest=small', 'small/o']) {
    const stderr = [
      /error: Cannot write "small(\/o)?": no space left on device\n/,
      /hint: Free some space, or write to another disk/,
    ];
    await box.tsbuild(...base, '-o', output, 'c').fails({ exit: 5, stderr });
    await box.run(['sh', '-c', '[ -z "$(ls -A small)" ]']).succeeds();
  }
});
