import assert from 'node:assert/strict';
import { chmodSync, copyFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { workerTape } from '../../../executor/host/launch.ts';
import { requires } from '../../support/requires.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import type { UserKind } from '../../support/users.ts';
import { runScript, type ScriptOptions } from './run-script.ts';

const script = fileURLToPath(new URL('./client-script.js', import.meta.url));
const nestedScript = fileURLToPath(new URL('./nested-script.js', import.meta.url));

/** What the script prints: what came of a start. */
interface Found {
  readonly tier?: string;
  readonly worker?: Facts;
  readonly warnings: readonly string[];
  readonly code?: string;
  readonly message?: string;
  readonly hint?: string;
}

/** What the worker says of itself. */
interface Facts {
  readonly pid: number;
  readonly uidMap: readonly (readonly number[])[];
  readonly setgroups: string;
}

async function run(path: string, options: ScriptOptions): Promise<Found> {
  const { stdout, stderr, status } = await runScript(path, options);
  assert.deepEqual([stderr, status], ['', 0]);
  const found: Found = JSON.parse(stdout);
  return found;
}

/** The cure has been told with what kept the ids from being used. */
const singleIdWarning = /^Only one user id is available: [^()]*$/;

const tiers: readonly [user: UserKind, tier: string, setgroups: string, ids: number, warnings: number][] = [
  ['root', 'root', 'allow', 1, 0],
  ['subids', 'subordinate-ids', 'allow', 2, 0],
  ['single', 'single-id', 'deny', 1, 1],
];
for (const [user, tier, setgroups, extents, warnings] of tiers) {
  const needs = user === 'root' ? requires('root') : requires('user-namespaces', `user:${user}`);
  test(`the worker is root with all capabilities and nothing of the user's environment, as ${user}`, needs, async () => {
    const found = await run(script, { user, env: { REGISTRY_TOKEN: 'secret' } });
    assert.ok(found.worker);
    const { pid: _, uidMap, setgroups: setgroupsFound, ...rest } = found.worker;
    assert.deepEqual([found.tier, setgroupsFound, found.warnings.length], [tier, setgroups, warnings]);
    assert.ok(uidMap.length >= extents);
    assert.deepEqual(rest, {
      uid: 0,
      gid: 0,
      hasAllCapabilities: true,
      environment: ['PATH', 'TMPDIR', 'UV_THREADPOOL_SIZE', 'UV_USE_IO_URING'],
      descriptors: ['0', '1', '2'],
      cwd: '/',
      umask: 0o022,
      storeRoot: '/store',
    });
  });
}

test('workers that start together do not disturb each other', requires('user-namespaces', 'user:subids'), async () => {
  const found = await run(script, { user: 'subids', args: ['together'] });
  assert.deepEqual(found, { tier: Array.from({ length: 5 }, () => 'subordinate-ids').join(), warnings: [] });
});

test('without newuidmap the worker has one id and says what to install', requires('user-namespaces', 'user:subids'), async () => {
  const found = await run(script, { user: 'subids', env: { PATH: '/does/not/exist' } });
  const [missing, single] = found.warnings;
  assert.equal(found.tier, 'single-id');
  assert.match(
    missing ?? '',
    /^Cannot use subordinate ids: newuidmap is not installed \(Debian, Ubuntu: sudo apt-get install uidmap/,
  );
  assert.match(single ?? '', singleIdWarning);
});

test(
  'with a newuidmap that is not setuid the worker has one id and says how to repair it',
  requires('user-namespaces', 'user:subids', 'tool:newuidmap'),
  async () => {
    using folder = temporaryFolder('helpers');
    chmodSync(folder.path, 0o755);
    for (const name of ['newuidmap', 'newgidmap']) {
      copyFileSync(`/usr/bin/${name}`, folder.at(name));
      chmodSync(folder.at(name), 0o755);
    }
    const found = await run(script, { user: 'subids', env: { PATH: folder.path } });
    const [refused, single] = found.warnings;
    assert.equal(found.tier, 'single-id');
    assert.match(refused ?? '', /^Cannot use subordinate ids: new[ug]idmap: .*\(sudo chmod u\+s .*\/new[ug]idmap\)/);
    assert.match(single ?? '', singleIdWarning);
  },
);

test('a machine without user namespaces is named', requires('user-namespaces'), async () => {
  const found = await run(nestedScript, { args: ['no-namespaces'] });
  assert.deepEqual(found, {
    code: 'user-namespaces-disabled',
    message: 'Cannot make a user namespace: user.max_user_namespaces is 0',
    hint: 'Run "sudo sysctl -w user.max_user_namespaces=15000"',
    warnings: [],
  });
});

test('root of a container starts the worker with the ids of the container', requires('user-namespaces', 'root'), async () => {
  const found = await run(nestedScript, { args: ['container'], env: { PATH: '/does/not/exist' } });
  assert.deepEqual(
    [found.tier, found.worker?.uidMap, found.warnings],
    [
      'root',
      [
        [0, 0, 1000],
        [1000, 1000, 5],
      ],
      [],
    ],
  );
});

test('workerTape() sets the descriptors, the ids and the parent death signal before the program', () => {
  const tape = workerTape({ socketFd: 21, complaintsFd: 24, argv: ['/node', 'worker.js', '/store'], env: ['PATH=/bin'] });
  assert.deepEqual(
    tape.map(({ syscall, args }) => [syscall, ...args]),
    [
      ['fcntl', 21, 1030, 10],
      ['fcntl', 24, 1030, 10],
      ['openat', -100, '/dev/null', 0o2000000, 0],
      ['dup3', { kind: 'result', entry: 0 }, 3, 0],
      ['dup3', { kind: 'result', entry: 1 }, 2, 0],
      ['dup3', 2, 1, 0],
      ['dup3', { kind: 'result', entry: 2 }, 0, 0],
      ['setsid'],
      ['setresgid', 0, 0, 0],
      ['setresuid', 0, 0, 0],
      ['prctl', 1, 9],
      ['mount', 'none', '/', 0, 0x44000, 0],
      ['mount', '/node', '/node', 0, 0x1000, 0],
      ['mount', 0, '/node', 0, 0x1027, 0],
      ['umask', 0o022],
      ['chdir', '/'],
      ['execve', '/node', ['/node', 'worker.js', '/store'], ['PATH=/bin']],
    ],
  );
});
