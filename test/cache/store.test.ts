import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { defaultStoreRoot } from '../../cache/folder/store-layout.ts';
import { removeSession } from '../../cache/sessions/remove-session.ts';
import { openStore } from '../../cache/store.ts';
import { chainIdOf, digestOf } from '../../registry/oci/digest.ts';
import { rawPath } from '../../registry/oci/raw-path.ts';
import { requires } from '../support/requires.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { commitSnapshot, makeLayerFolder } from './snapshots.ts';

test('defaultStoreRoot() follows the environment', () => {
  using folder = temporaryFolder('home');
  const { path: HOME } = folder;
  const atHome = folder.at('.local/share/tsbuild');
  const locations: readonly (readonly [environment: Readonly<Record<string, string>>, root: string])[] = [
    [{ HOME }, atHome],
    [{ HOME, XDG_DATA_HOME: '/data' }, '/data/tsbuild'],
    [{ HOME, XDG_DATA_HOME: 'relative' }, atHome],
    [{ HOME, XDG_DATA_HOME: '/data', TSBUILD_STORE: '/store' }, '/store'],
    [{ HOME, TSBUILD_STORE: '' }, atHome],
    [{ HOME: folder.at('to/be/made') }, folder.at('to/be/made/.local/share/tsbuild')],
    [{ HOME: '/dev/null' }, path.join(tmpdir(), `tsbuild-${process.getuid?.()}`)],
  ];
  for (const [environment, root] of locations) assert.equal(defaultStoreRoot(environment), root);
});

test('openStore() makes a private folder and can open it again', async () => {
  using folder = temporaryFolder('store');
  for (let time = 0; time < 2; time++) {
    using store = await openStore(folder.at('a/b'));
    assert.equal(store.root, folder.at('a/b'));
    assert.deepEqual(store.leftovers, { abandoned: [], strange: [] });
  }
  assert.equal(statSync(folder.at('a/b')).mode & 0o777, 0o700);
  assert.equal(readFileSync(folder.at('a/b/version'), 'utf8'), '4\n');
});

test('openStore() converts stores of older formats', async () => {
  for (const older of [1, 2, 3]) {
    using folder = temporaryFolder('store');
    (await openStore(folder.path))[Symbol.dispose]();
    writeFileSync(folder.at('version'), `${older}\n`);
    using store = await openStore(folder.path);
    await commitSnapshot(store, 'x');
    assert.equal(readFileSync(folder.at('version'), 'utf8'), '4\n');
  }
});

const unusable: readonly (readonly [what: string, prepare: (root: string) => void, code: string, message: RegExp])[] = [
  ['newer', (root) => writeFileSync(`${root}/version`, '5\n'), 'version', /: it was written by a newer tsbuild$/],
  ['damaged', (root) => writeFileSync(`${root}/version`, 'x'), 'corrupt', /: its version file is damaged$/],
  ['no store', (root) => writeFileSync(`${root}/letter.txt`, ''), 'corrupt', /: the folder holds other files \("letter.txt"\)$/],
];

test('openStore() refuses what it cannot use', async () => {
  for (const [what, prepare, code, message] of unusable) {
    using folder = temporaryFolder('store');
    prepare(folder.path);
    const before = readdirSync(folder.path);
    await assert.rejects(openStore(folder.path), { name: 'StoreError', code, message }, what);
    assert.deepEqual(readdirSync(folder.path), before);
  }
  using folder = temporaryFolder('store');
  writeFileSync(folder.at('file'), '');
  await assert.rejects(openStore(folder.at('file')), { name: 'StoreError' });
});

test('openStore() fails where no folder can be made', async () => {
  await assert.rejects(openStore('/proc/none/store'), { name: 'StoreError', message: /^Cannot use store \/proc\/none\/store: / });
});

test('openStore() finishes a store that was being made when the build was killed', async () => {
  using folder = temporaryFolder('store');
  mkdirSync(folder.at('blobs'));
  mkdirSync(folder.at('steps'));
  using store = await openStore(folder.path);
  await store.blobs.putBytes(Buffer.from('x'));
});

test('openStore() in several builds at once makes one store', async () => {
  // Begun one after the other, so that some look while others have made all but the version.
  const open = async (root: string, ms: number): Promise<void> => {
    await delay(ms);
    (await openStore(root))[Symbol.dispose]();
  };
  for (let time = 0; time < 25; time++) {
    using folder = temporaryFolder('store');
    await Promise.all(Array.from({ length: 8 }, (_, ms) => open(folder.at('store'), ms)));
  }
});

test('a build that only reads takes no lock and leaves no trace', async () => {
  using folder = temporaryFolder('store');
  (await openStore(folder.path))[Symbol.dispose]();
  using store = await openStore(folder.path);
  assert.equal(await store.steps.get('0'.repeat(64)), undefined);
  assert.equal(await store.snapshots.get(digestOf('x')), undefined);
  assert.deepEqual(await store.images.list(), []);
  assert.equal(existsSync(folder.at('lock')), false);
  assert.deepEqual(readdirSync(folder.at('tmp')), []);
});

test('a snapshot is there at once for its build, and for others after the flush', async () => {
  using folder = temporaryFolder('store');
  using store = await openStore(folder.path);
  const base = await commitSnapshot(store, 'base');
  const top = await commitSnapshot(store, 'top', base.chainId);
  const facts = { diffId: digestOf('top'), sizeBytes: 3, entries: 1 };
  await store.steps.put('a'.repeat(64), { chainId: top.chainId, facts });
  using other = await openStore(folder.path);
  assert.equal(await other.snapshots.get(top.chainId), undefined);
  assert.equal(await other.steps.get('a'.repeat(64)), undefined);
  assert.deepEqual(await store.snapshots.lowersOf(top.chainId), [`${base.directory}/fs`, `${top.directory}/fs`]);
  await store.flush();
  assert.deepEqual(await other.snapshots.get(top.chainId), top);
  assert.deepEqual(await other.steps.get('a'.repeat(64)), { chainId: top.chainId, facts });
  assert.deepEqual(await other.snapshots.lowersOf(top.chainId), [`${base.directory}/fs`, `${top.directory}/fs`]);
  assert.equal(readFileSync(`${top.directory}/fs/f`, 'utf8'), 'top');
  assert.equal(existsSync(`${top.directory}/work`), false);
  assert.deepEqual(await store.snapshots.lowersOf(undefined), []);
});

test('a packed snapshot gets its folder once, whoever comes first', async () => {
  using folder = temporaryFolder('store');
  using store = await openStore(folder.path);
  const base = await commitSnapshot(store, 'base');
  const packed = await store.snapshots.prepare();
  writeFileSync(path.join(packed, 'layer.tar'), 'tar');
  writeFileSync(path.join(packed, 'index'), '');
  const facts = { diffId: digestOf('top'), sizeBytes: 3, entries: 1 };
  const details = { chainId: chainIdOf(base.chainId, facts.diffId), parent: base.chainId, facts };
  const snapshot = await store.snapshots.commit(packed, details);
  await store.flush();
  using other = await openStore(folder.path);
  for (const one of [store, other]) {
    const found = await one.snapshots.get(snapshot.chainId);
    assert.deepEqual(found, snapshot);
    assert.equal(await one.snapshots.isPacked(snapshot), true);
    assert.equal(await one.snapshots.hasFolders(snapshot.chainId), false);
    await assert.rejects(one.snapshots.lowersOf(snapshot.chainId), /is packed$/);
  }
  for (const one of [store, other]) {
    await one.snapshots.unpacked(snapshot, await makeLayerFolder(one, one === store ? 'first' : 'second'));
    for (const each of [store, other]) {
      assert.equal(await each.snapshots.isPacked(snapshot), false);
      assert.equal((await each.snapshots.lowersOf(snapshot.chainId)).at(-1), `${snapshot.directory}/fs`);
    }
  }
  assert.equal(readFileSync(`${snapshot.directory}/fs/f`, 'utf8'), 'first');
});

test('what was not flushed vanishes with the build', async () => {
  using folder = temporaryFolder('store');
  {
    using store = await openStore(folder.path);
    await commitSnapshot(store, 'lost');
    await makeLayerFolder(store, 'never committed');
  }
  using store = await openStore(folder.path);
  assert.equal(await store.snapshots.get(digestOf('lost')), undefined);
  assert.deepEqual(readdirSync(folder.at('tmp')), []);
  await commitSnapshot(store, 'lost');
  await store.flush();
  using other = await openStore(folder.path);
  assert.equal((await other.snapshots.get(digestOf('lost')))?.directory, store.layout.snapshot(digestOf('lost')));
});

test('two builds that commit the same snapshot both can use it', async () => {
  using folder = temporaryFolder('store');
  using first = await openStore(folder.path);
  using second = await openStore(folder.path);
  const ours = await commitSnapshot(first, 'same');
  const theirs = await commitSnapshot(second, 'same');
  assert.notEqual(ours.directory, theirs.directory);
  assert.equal(readFileSync(`${ours.directory}/fs/f`, 'utf8'), 'same');
  assert.equal(readFileSync(`${theirs.directory}/fs/f`, 'utf8'), 'same');
  await Promise.all([first.flush(), second.flush()]);
  using third = await openStore(folder.path);
  assert.equal((await third.snapshots.get(ours.chainId))?.directory, ours.directory);
  assert.equal((await commitSnapshot(third, 'same')).directory, ours.directory);
});

test('lowersOf() names a snapshot that is missing below', async () => {
  using folder = temporaryFolder('store');
  using store = await openStore(folder.path);
  const base = await commitSnapshot(store, 'base');
  const top = await commitSnapshot(store, 'top', base.chainId);
  await store.flush();
  rmSync(base.directory, { recursive: true });
  using other = await openStore(folder.path);
  assert.equal(await other.snapshots.hasFolders(top.chainId), false);
  await assert.rejects(other.snapshots.lowersOf(top.chainId), { code: 'corrupt', path: base.directory });
});

test('the index of a layer can be read as a stream and as a map', async () => {
  using folder = temporaryFolder('store');
  using store = await openStore(folder.path);
  const snapshot = await commitSnapshot(store, 'x');
  const lines: unknown[] = [];
  for await (const entry of store.snapshots.readIndex(snapshot)) lines.push(entry);
  const entry = { type: 'file', path: 'f', mode: 420, uid: 0, gid: 0, mtime: 0, size: 1, digest: '00' };
  assert.deepEqual(lines, [entry]);
  const index = await store.snapshots.loadIndex(snapshot);
  assert.deepEqual([...index.entries], [[rawPath('f'), entry]]);
});

const oneRun = {
  type: 'files',
  folder: 'd',
  mode: 0o644,
  uid: 1,
  gid: 2,
  names: ['f'],
  sizes: [3],
  mtimes: [4],
  digests: 'a'.repeat(64),
};

test('files of one folder can share a line of an index', async () => {
  using folder = temporaryFolder('store');
  using store = await openStore(folder.path);
  const made = await makeLayerFolder(store, 'x');
  writeFileSync(path.join(made, 'index'), `${JSON.stringify(oneRun)}\n`);
  const facts = { diffId: digestOf('x'), sizeBytes: 1, entries: 1 };
  const snapshot = await store.snapshots.commit(made, { chainId: facts.diffId, parent: undefined, facts });
  const entry = { type: 'file', path: 'd/f', mode: 0o644, uid: 1, gid: 2, size: 3, mtime: 4, digest: 'a'.repeat(64) };
  const lines: unknown[] = [];
  for await (const each of store.snapshots.readIndex(snapshot)) lines.push(each);
  assert.deepEqual(lines, [entry]);
  assert.deepEqual([...(await store.snapshots.loadIndex(snapshot)).entries], [[rawPath('d/f'), entry]]);
});

const damagedLines: readonly string[] = [
  '{"type":',
  '[]',
  '{"type":"file"}',
  '{"type":"files"}',
  JSON.stringify({ ...oneRun, names: ['f', 'g'] }),
  JSON.stringify({ ...oneRun, sizes: [] }),
  JSON.stringify({ ...oneRun, mtimes: 4 }),
  JSON.stringify({ ...oneRun, digests: 'a' }),
  JSON.stringify({ ...oneRun, folder: undefined }),
];

test('a damaged index of a layer is told as such', async () => {
  using folder = temporaryFolder('store');
  using store = await openStore(folder.path);
  for (const line of [...damagedLines, JSON.stringify(oneRun)]) {
    const { indexDigest: _, ...old } = await commitSnapshot(store, 'x');
    const snapshot = await commitSnapshot(store, 'y');
    for (const { directory } of [old, snapshot]) writeFileSync(path.join(directory, 'index'), `${line}\n`);
    await assert.rejects(store.snapshots.loadIndex(snapshot), { code: 'corrupt', isRemoved: true }, line);
    assert.equal(await store.snapshots.get(snapshot.chainId), undefined);
    // What older versions made has no digest of its index.
    if (line !== JSON.stringify(oneRun)) await assert.rejects(store.snapshots.loadIndex(old), { code: 'corrupt' }, line);
  }
});

// Builds of their own process, to be killed.

const buildScript = fileURLToPath(new URL('./store-build.js', import.meta.url));

interface Build {
  readonly child: ChildProcess;
  /** Resolves when the build says so. */
  said(word: string): Promise<void>;
}

function startBuild(root: string, until: string): Build {
  const child = spawn(process.execPath, [buildScript, root, until], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  const heard = new Set<string>();
  lines.on('line', (line) => heard.add(line));
  const said = async (word: string): Promise<void> => {
    while (!heard.has(word)) await once(lines, 'line');
  };
  return { child, said };
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

test('a store survives kill -9 at any moment of a build', async () => {
  for (const moment of ['held', 'fetching', 'prepared', 'committed', 'recorded', 'flushed']) {
    using folder = temporaryFolder('store');
    const build = startBuild(folder.path, moment);
    await build.said(moment);
    await kill(build.child);
    using store = await openStore(folder.path);
    assert.equal(store.leftovers.abandoned.length, 1, moment);
    assert.equal((await store.steps.get('a'.repeat(64))) !== undefined, moment === 'flushed', moment);
    assert.equal((await store.snapshots.get(digestOf('layer'))) !== undefined, moment === 'flushed', moment);
    const snapshot = await commitSnapshot(store, 'layer');
    await store.flush();
    assert.equal(snapshot.directory, store.layout.snapshot(digestOf('layer')), moment);
    for (const waste of store.leftovers.abandoned) removeSession(folder.at('tmp'), waste);
    using next = await openStore(folder.path);
    assert.deepEqual(next.leftovers.abandoned, [], moment);
    assert.deepEqual((await next.snapshots.get(digestOf('layer')))?.facts.diffId, digestOf('layer'), moment);
  }
});

test('a build that runs is not taken for an abandoned one', async () => {
  using folder = temporaryFolder('store');
  const build = startBuild(folder.path, 'committed');
  await build.said('committed');
  {
    using store = await openStore(folder.path);
    assert.deepEqual(store.leftovers, { abandoned: [], strange: [] });
    const ours = await commitSnapshot(store, 'layer');
    assert.notEqual(ours.directory, store.layout.snapshot(digestOf('layer')));
  }
  await kill(build.child);
});

test('a full disk is a clear error, and the store works again when there is room', requires('root', 'tool:unshare'), () => {
  using folder = temporaryFolder('store');
  mkdirSync(folder.at('disk'));
  symlinkSync(folder.at('disk'), folder.at('link'));
  const script = `mount -t tmpfs -o size=2m none ${folder.at('disk')} && exec "$0" "$1" ${folder.at('disk')} full`;
  const { status, stdout, stderr } = spawnSync('unshare', ['--mount', 'sh', '-c', script, process.execPath, buildScript], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  assert.deepEqual(stdout.trim().split('\n'), ['disk-full: no space left on the disk', 'fits']);
});
