import assert from 'node:assert/strict';
import { existsSync, readdirSync, utimesSync } from 'node:fs';
import { test } from 'node:test';
import type { Item, ItemKind } from '../../cache/inventory.ts';
import { choose, type PrunePolicy, prune, usageOf } from '../../cache/prune.ts';
import { removeSession } from '../../cache/sessions/remove-session.ts';
import { openStore, type Store } from '../../cache/store.ts';
import type { Descriptor } from '../../registry/oci/descriptor.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { commitSnapshot } from './snapshots.ts';

const kinds: readonly ItemKind[] = ['blob', 'snapshot', 'step', 'image', 'cache', 'derived', 'members'];

function item(name: `${ItemKind}:${string}`, usedMs: number, needs: readonly string[] = []): Item {
  const [kind, id = ''] = name.split(':');
  return { kind: kinds.find((known) => known === kind) ?? 'blob', id, path: id, bytes: 10, usedMs, needs };
}

const items = [
  item('image:name', 0, ['manifest']),
  item('blob:manifest', 0, ['config', 'layer']),
  item('blob:config', 0),
  item('blob:layer', 0, ['members of layer']),
  item('members:members of layer', 0),
  item('members:members of nothing', 900),
  item('blob:orphan', 900),
  item('step:old step', 100, ['old top']),
  item('snapshot:old top', 100, ['base']),
  item('step:new step', 500, ['new top']),
  item('snapshot:new top', 500, ['base']),
  item('snapshot:base', 50),
  item('cache:cache', 200),
  item('derived:value', 900),
  item('snapshot:garbage', -1),
];

const image = ['config', 'layer', 'manifest', 'members of layer', 'name'];
const policies: readonly (readonly [policy: PrunePolicy, kept: readonly string[]])[] = [
  [{}, ['base', 'cache', ...image, 'new step', 'new top', 'old step', 'old top', 'value']],
  [{ all: true }, image],
  [{ nowMs: 1000, maximalAgeMs: 500 }, ['base', ...image, 'new step', 'new top', 'value']],
  [{ nowMs: 1000, maximalAgeMs: 800 }, ['base', 'cache', ...image, 'new step', 'new top', 'value']],
  [{ nowMs: 1000, maximalAgeMs: 1 }, image],
  [{ nowMs: 1000, maximalAgeMs: 1, keepsCacheMounts: true }, ['cache', ...image]],
  [{ keepBytes: 1000 }, ['base', 'cache', ...image, 'new step', 'new top', 'old step', 'old top', 'value']],
  [{ keepBytes: 105 }, ['base', 'cache', ...image, 'new step', 'new top', 'value']],
  [{ keepBytes: 90 }, ['base', ...image, 'new step', 'new top', 'value']],
  [{ keepBytes: 0 }, image],
];

test('choose() keeps named images, and of the rest what was used last', () => {
  for (const [policy, kept] of policies) {
    const ids = [...choose(items, policy)].map(({ id }) => id).toSorted();
    assert.deepEqual(ids, kept.toSorted(), JSON.stringify(policy));
  }
});

async function storeBlob(store: Store, content: string): Promise<Descriptor> {
  const bytes = Buffer.from(content);
  return { mediaType: 'x', digest: await store.blobs.putBytes(bytes), size: bytes.length };
}

/** A store with a named image, an unnamed blob, and a step with its snapshot. */
async function fill(root: string): Promise<void> {
  using store = await openStore(root);
  const config = await storeBlob(store, '{"config":{}}');
  const layer = await storeBlob(store, 'layer');
  const manifest = await storeBlob(store, JSON.stringify({ config, layers: [layer] }));
  await store.images.tag('app', manifest);
  await storeBlob(store, 'nobody names this');
  const base = await commitSnapshot(store, 'base');
  const { chainId, facts } = await commitSnapshot(store, 'top', base.chainId);
  await store.steps.put('c'.repeat(64), { chainId, facts });
  await store.flush();
  using mount = await store.cacheMounts.acquire({ identity: 'id', sharing: 'shared', reset: false });
  assert.equal(mount.isNew, true);
}

test('prune() removes what the policy does not keep, and the store goes on working', async () => {
  using folder = temporaryFolder('prune');
  await fill(folder.path);
  using store = await openStore(folder.path);
  const everything = await prune(store, {});
  assert.deepEqual(
    everything.removed.map(({ kind }) => kind),
    ['blob'],
  );
  const old = new Date(Date.now() - 1_000_000);
  utimesSync(store.layout.step('c'.repeat(64)), old, old);
  const result = await prune(store, { all: true });
  assert.deepEqual(result.removed.map(({ kind }) => kind).toSorted(), ['cache', 'snapshot', 'snapshot', 'step']);
  assert.equal(result.sessions.length, 1);
  assert.deepEqual(readdirSync(folder.at('snapshots')), []);
  for (const name of result.sessions) removeSession(folder.at('tmp'), name);
  using next = await openStore(folder.path);
  assert.deepEqual(
    (await next.images.list()).map(({ name }) => name),
    ['app'],
  );
  assert.equal(readdirSync(next.layout.blobs).length, 3);
  await commitSnapshot(next, 'base');
  await next.flush();
});

test('prune() waits for nobody: a build that runs keeps it away', async () => {
  using folder = temporaryFolder('prune');
  using store = await openStore(folder.path);
  using build = await openStore(folder.path);
  await build.hold();
  await assert.rejects(prune(store, {}), { code: 'locked', message: `Cannot prune store ${folder.path}: a build uses it` });
});

test('prune() takes snapshots that were never finished', async () => {
  using folder = temporaryFolder('prune');
  {
    using store = await openStore(folder.path);
    await commitSnapshot(store, 'unfinished');
  }
  using store = await openStore(folder.path);
  const { removed, sessions } = await prune(store, {});
  assert.deepEqual(
    removed.map(({ kind }) => kind),
    ['snapshot'],
  );
  assert.equal(sessions.length, 1);
  assert.deepEqual(readdirSync(folder.at('snapshots')), []);
});

test('usageOf() counts what takes space', async () => {
  using folder = temporaryFolder('prune');
  await fill(folder.path);
  using store = await openStore(folder.path);
  const usage = await usageOf(store);
  assert.deepEqual(usage.byKind['snapshot'], { count: 2, bytes: 7 });
  assert.equal(usage.byKind['blob']?.count, 4);
  assert.ok(usage.totalBytes > usage.reclaimableBytes && usage.reclaimableBytes > 0);
  assert.equal(existsSync(folder.at('images')), true);
});
