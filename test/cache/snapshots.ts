import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Snapshot } from '../../cache/snapshots/snapshot-store.ts';
import type { Store } from '../../cache/store.ts';
import { chainIdOf, type Digest, digestOf } from '../../registry/oci/digest.ts';

/** Makes what the worker makes of a layer: a folder with one file, and its index. */
export async function makeLayerFolder(store: Store, content: string): Promise<string> {
  const folder = await store.snapshots.prepare();
  mkdirSync(path.join(folder, 'fs'));
  mkdirSync(path.join(folder, 'work'));
  // As overlayfs leaves it.
  mkdirSync(path.join(folder, 'work', 'work'), { mode: 0 });
  writeFileSync(path.join(folder, 'fs', 'f'), content);
  const line = { type: 'file', path: 'f', mode: 420, uid: 0, gid: 0, mtime: 0, size: content.length, digest: '00' };
  writeFileSync(path.join(folder, 'index'), `${JSON.stringify(line)}\n`);
  return folder;
}

/** Commits a snapshot whose layer holds `content`. */
export async function commitSnapshot(store: Store, content: string, parent?: Digest): Promise<Snapshot> {
  const diffId = digestOf(content);
  const folder = await makeLayerFolder(store, content);
  return store.snapshots.commit(folder, {
    chainId: chainIdOf(parent, diffId),
    parent,
    facts: { diffId, sizeBytes: content.length, entries: 1 },
  });
}
