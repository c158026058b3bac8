import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { CacheMount, CacheMountRequest } from '../../../cache/snapshots/cache-mounts.ts';
import { openStore, type Store } from '../../../cache/store.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

async function acquire(store: Store, request: Partial<CacheMountRequest> = {}): Promise<CacheMount> {
  return store.cacheMounts.acquire({ identity: 'id', sharing: 'shared', reset: false, ...request });
}

/** The mount, or undefined when it would have to be waited for. */
async function acquireNow(store: Store, request: Partial<CacheMountRequest>): Promise<CacheMount | undefined> {
  const controller = new AbortController();
  const onWait = (): void => controller.abort(new Error('waits'));
  try {
    return await acquire(store, { ...request, signal: controller.signal, onWait });
  } catch (error) {
    assert.equal(error instanceof Error && error.message, 'waits');
    return undefined;
  }
}

test('a cache mount keeps its files from build to build', async () => {
  using folder = temporaryFolder('caches');
  for (const isNew of [true, false]) {
    using store = await openStore(folder.path);
    using mount = await acquire(store);
    assert.equal(mount.isNew, isNew);
    writeFileSync(`${mount.directory}/f`, 'x');
  }
});

test('caches of different identity are different folders', async () => {
  using folder = temporaryFolder('caches');
  using store = await openStore(folder.path);
  using a = await acquire(store, { identity: 'a', sharing: 'locked' });
  using b = await acquire(store, { identity: 'b', sharing: 'locked' });
  assert.notEqual(a.directory, b.directory);
});

const sharings: readonly (readonly [
  first: CacheMountRequest['sharing'],
  second: CacheMountRequest['sharing'],
  result: string,
])[] = [
  ['shared', 'shared', 'same'],
  ['shared', 'locked', 'waits'],
  ['locked', 'shared', 'waits'],
  ['locked', 'locked', 'waits'],
  ['private', 'private', 'other'],
  ['shared', 'private', 'other'],
];

test('sharing says what happens when two steps use a cache at once', async () => {
  for (const [first, second, result] of sharings) {
    using folder = temporaryFolder('caches');
    using store = await openStore(folder.path);
    using other = await openStore(folder.path);
    const mount = await acquire(store, { sharing: first });
    const next = await acquireNow(other, { sharing: second });
    const seen = next === undefined ? 'waits' : next.directory === mount.directory ? 'same' : 'other';
    assert.equal(seen, result, `${first} ${second}`);
    next?.[Symbol.dispose]();
    mount[Symbol.dispose]();
    (await acquireNow(other, { sharing: second }))?.[Symbol.dispose]();
  }
});

test('a locked cache is had as soon as it is free', async () => {
  using folder = temporaryFolder('caches');
  using store = await openStore(folder.path);
  const mount = await acquire(store, { sharing: 'locked' });
  using next = await acquire(store, { sharing: 'locked', onWait: () => mount[Symbol.dispose]() });
  assert.equal(next.directory, mount.directory);
});

test('a reset gives an empty cache, to be shared again', async () => {
  using folder = temporaryFolder('caches');
  using store = await openStore(folder.path);
  {
    using mount = await acquire(store);
    writeFileSync(`${mount.directory}/f`, 'x');
  }
  using mount = await acquire(store, { reset: true });
  assert.equal(mount.isNew, true);
  assert.equal(existsSync(`${mount.directory}/f`), false);
  using joined = await acquireNow(store, { sharing: 'shared' });
  assert.equal(joined?.directory, mount.directory);
});
