import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { test } from 'node:test';
import { layerTar, writeBusyboxLayout } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { programCommand, type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids', 'tool:busybox');
const rootNeeds = requires('root', 'user:subids', 'tool:busybox');

const base = ['--build-context', 'base=oci-layout://base'] as const;

async function prepared(): Promise<Sandbox> {
  const box = sandbox();
  await writeBusyboxLayout(box.at('base'));
  return box.file('c/Containerfile', 'FROM base\nRUN echo made > /made\n');
}

/** Makes the store read-only until it is disposed. */
function readOnlyStore(box: Sandbox): Disposable {
  for (const args of [
    ['--bind', box.store, box.store],
    ['-o', 'remount,ro,bind', box.store],
  ]) {
    const { status, stderr } = spawnSync('mount', args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`Cannot mount: ${stderr}`);
  }
  return { [Symbol.dispose]: () => spawnSync('umount', ['-l', box.store]) };
}

test('a read-only store serves what is in it, and says what it cannot do', rootNeeds, async () => {
  using box = await prepared();
  await box.tsbuild(...base, '-t', 'kept', 'c').succeeds();
  using _store = readOnlyStore(box);
  for (const output of ['type=image', 'type=none']) {
    const { stderr } = await box.tsbuild(...base, '-o', output, 'c').succeeds();
    assert.match(stderr, /CACHED/);
  }
  for (const command of [['images'], ['du'], ['inspect', 'kept'], ['history', 'kept']]) await box.tsbuild(...command).succeeds();
  box.file('c/Containerfile', 'FROM base\nRUN echo other > /made\n');
  const stderr = [/error: Cannot .*: the file system is read-only/, /hint: .*--store/];
  await box.tsbuild(...base, 'c').fails({ exit: 5, stderr });
  for (const command of [
    ['tag', 'kept', 'other'],
    ['rmi', 'kept'],
    ['prune', '--all'],
  ]) {
    await box.tsbuild(...command).fails({ exit: 5, stderr: /read-only/ });
  }
});

test('standard output on a full disk has exit code 5 and a sentence', needs, async () => {
  using box = await prepared();
  await box.tsbuild(...base, '-t', 'kept', 'c').succeeds();
  const commands: readonly (readonly string[])[] = [
    ['save', 'kept'],
    [...base, '-o', 'type=oci,dest=-', 'c'],
    [...base, '-o', 'type=tar,dest=-', 'c'],
    ['images'],
    ['du'],
    ['--help'],
    ['inspect', 'kept'],
    [...base, '-q', 'c'],
  ];
  for (const command of commands) {
    const { exit, stderr } = await box.run(['sh', '-c', '"$@" > /dev/full', 'sh', ...programCommand(), ...command]).finished();
    const what = `${command.join(' ')}: ${stderr}`;
    assert.equal(exit, 5, what);
    assert.match(stderr, /error: Cannot write to standard output: no space left on device\n/, what);
    assert.doesNotMatch(stderr, /bug in tsbuild|\n {4}at /, what);
  }
});

test('a full disk behind the log does not end a build', needs, async () => {
  using box = await prepared();
  await box.run(['sh', '-c', '"$@" 2> /dev/full', 'sh', ...programCommand(), ...base, '--iidfile', 'id', 'c']).succeeds();
  assert.match(readFileSync(box.at('id'), 'utf8'), /^sha256:/);
});

test('limits of files are told in words', needs, async () => {
  using box = await prepared();
  box.file('c/Containerfile', 'FROM scratch\nCOPY big /\n').file('c/big', Buffer.alloc(4_000_000, 'x'));
  const limited = (limit: string, ...args: readonly string[]) =>
    box.run(['sh', '-c', `trap '' XFSZ; ulimit ${limit}; exec "$@"`, 'sh', ...programCommand(), ...args]);
  await limited('-f 2000', 'c').fails({ exit: 5, stderr: [/a file became larger than it may be/, /hint: .*ulimit -f/] });
  await limited('-f 2000', '-o', 'type=oci,dest=o.tar', 'c').fails({ exit: 5, stderr: /larger than it may be|file too large/ });
  assert.equal(existsSync(box.at('o.tar')), false);
  // How many files Node opens for itself depends on its version, so some of these limits are too low and some suffice.
  const ends: string[] = [];
  for (const files of [24, 26, 28, 30, 32, 36, 40, 60]) {
    const { exit, stderr } = await limited(`-n ${files}`, '--no-cache', '-o', 'type=oci,dest=o.tar', 'c').finished();
    assert.doesNotMatch(stderr, /bug in tsbuild|\n {4}at /, `${files}`);
    ends.push(/too many files are open/.test(stderr) && /hint: .*ulimit -n/.test(stderr) ? 'told' : `${exit}`);
  }
  assert.ok(ends.includes('told'), ends.join(' '));
  assert.equal(ends.at(-1), '0');
});

test('limits of namespaces are not a full disk', rootNeeds, async () => {
  for (const kind of ['pid', 'uts', 'ipc', 'cgroup', 'user', 'mnt']) {
    using box = await prepared();
    const limit = `echo ${kind === 'user' ? 1 : kind === 'mnt' ? 1 : 0} > /proc/sys/user/max_${kind}_namespaces; exec "$@"`;
    const run = ['unshare', '-U', '--map-root-user', '--map-auto', 'sh', '-c', limit, 'sh', ...programCommand(), ...base, 'c'];
    const { exit, stderr } = await box.run(run).finished();
    assert.equal(exit, 3, `${kind}: ${stderr}`);
    assert.match(stderr, /error: Cannot make .*limit/, kind);
    assert.match(stderr, /hint: .*user\.max_/, kind);
    assert.doesNotMatch(stderr, /disk/, kind);
  }
});

test('a temporary folder that nobody can write to, or that is missing, does not matter', rootNeeds, async () => {
  for (const options of ['ro,mode=755', 'mode=700']) {
    using box = await prepared();
    const [node, script] = programCommand();
    const program = dirname(dirname(dirname(script)));
    // What the test itself needs lies below /tmp too.
    const hideTmp = `set -e; mount -t tmpfs none /run; mkdir /run/box /run/program /run/node
      mount --bind "${box.path}" /run/box; mount --bind "${program}" /run/program; mount --bind "${dirname(node)}" /run/node
      mount -t tmpfs -o ${options} none /tmp; cd /run/box
      exec setpriv --reuid ${box.user.uid} --regid ${box.user.gid} --clear-groups "$@"`;
    const moved = [`/run/node/${basename(node)}`, script.replace(program, '/run/program')];
    const environment = { TSBUILD_STORE: '/run/box/store', TMPDIR: undefined };
    const run = (...args: readonly string[]) =>
      box.run(['unshare', '-m', 'sh', '-c', hideTmp, 'sh', ...moved, ...args], { staysRoot: true, environment });
    await run(...base, '-o', 'out', 'c').succeeds();
    assert.equal(readFileSync(box.at('out/made'), 'utf8'), 'made\n');
    const { stdout } = await run('doctor').succeeds();
    assert.match(stdout, /RUN works here/);
  }
  using box = await prepared();
  const environment = { TMPDIR: '/nonexistent' };
  await box.tsbuildWith({ environment }, ...base, '-o', 'out', 'c').succeeds();
  await box.tsbuildWith({ environment }, 'doctor').succeeds();
});

test('a worker that was killed has a hint at memory', needs, async () => {
  using box = await prepared();
  box.file('c/Containerfile', 'FROM base\nRUN echo started; sleep 600\n');
  const run = box.tsbuildWith({ isAlone: true }, ...base, 'c');
  await run.shows(/started/);
  process.kill(workerOf(run.child.pid ?? 0), 'SIGKILL');
  await run.fails({ exit: 3, stderr: [/error: The worker died: SIGKILL/, /hint: .*ran out of memory/] });
});

function workerOf(pid: number): number {
  const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  return Number(child);
}

test('rmi removes what it can, and names what it cannot', needs, async () => {
  using box = await prepared();
  await box.tsbuild(...base, '-t', 'one', '-t', 'two', 'c').succeeds();
  const { stdout } = await box
    .tsbuild('rmi', 'missing', 'one', 'UPPER', 'gone', 'two')
    .fails({ exit: 2, stderr: [/"missing"/, /"UPPER"/, /"gone"/] });
  assert.equal(stdout, 'Untagged: docker.io/library/one:latest\nUntagged: docker.io/library/two:latest\n');
  assert.deepEqual(readdirSync(box.at('store/images')), []);
});

test('more hard links to a file than the file system allows are told in words', needs, async () => {
  using box = sandbox();
  // As many as ext4 allows, and some more. Others allow them.
  const links = Array.from({ length: 65_100 }, (_, index) => ({ name: `l${index}`, type: 'link', linkname: 'f' }) as const);
  await writeBusyboxLayout(box.at('base'), { layers: [await layerTar([{ name: 'f', content: 'x' }, ...links])] });
  box.file('c/Containerfile', 'FROM base\nRUN true\n');
  const { exit, stderr } = await box.tsbuild(...base, 'c').finished();
  if (exit === 0) return;
  assert.equal(exit, 5, stderr);
  assert.match(stderr, /error: .*a file has as many hard links as the file system allows/);
  assert.match(stderr, /^hint: .*another file system/m);
  assert.deepEqual(readdirSync(`${box.store}/tmp`), []);
});

/** A file that the kernel lets everybody open and answers with EIO when it is read: a device without autosuspend. (drivers/base/power/sysfs.c) */
const unreadable = '/sys/devices/software/power/autosuspend_delay_ms';

/** Puts a file that cannot be read in the place of another one, until it is disposed. */
function failing(file: string): Disposable {
  const { status, stderr } = spawnSync('mount', ['--bind', unreadable, file], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`Cannot mount: ${stderr}`);
  return { [Symbol.dispose]: () => spawnSync('umount', ['-l', file]) };
}

/** Each file of the store, by the folder that it is in. */
function oneOfEach(box: Sandbox): ReadonlyMap<string, string> {
  const files = readdirSync(box.store, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !['lock', 'version'].includes(entry.name))
    .map((entry) => `${entry.parentPath.slice(box.store.length + 1)}/${entry.name}`.replace(/^\//, ''))
    .filter((path) => !path.startsWith('sessions/') && !path.includes('/fs/'));
  return new Map(files.map((path) => [dirname(path).replaceAll(/[0-9a-f]{64}|sha256/g, '*'), path]));
}

test('a disk that cannot read a file of the store has exit code 5 and a sentence, or is done without', rootNeeds, async () => {
  using box = await prepared();
  await box.tsbuild(...base, '-t', 'kept', 'c').succeeds();
  const { stdout: whole } = await box.tsbuild(...base, '-q', 'c').succeeds();
  const told: string[] = [];
  for (const [kind, file] of oneOfEach(box)) {
    using _disk = failing(`${box.store}/${file}`);
    for (const command of [
      [...base, '-q', '-t', 'kept', 'c'],
      ['images'],
      ['save', '-o', 'kept.tar', 'kept'],
      ['store', 'verify'],
    ]) {
      const { exit, stdout, stderr } = await box.tsbuild(...command).finished();
      const what = `${kind}: tsbuild ${command.join(' ')}: ${exit}\n${stdout}${stderr}`;
      assert.doesNotMatch(stderr, /bug in tsbuild|\n {4}at /, what);
      if (exit === 0 && command.includes('-q')) assert.equal(stdout, whole, what);
      if (exit !== 0) told.push(what);
    }
  }
  assert.ok(told.length > 0);
  for (const what of told) assert.match(what, /: 5\n[^]*error: Cannot [^]*(the disk reports an error|busy|in use)/i, what);
});
