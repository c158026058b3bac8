/** A build for the tests of the store: goes on until a moment, says so, and waits to be killed. */

import { writeSync } from 'node:fs';
import { StoreError } from '../../cache/files/errors.ts';
import { openStore } from '../../cache/store.ts';
import { digestOf } from '../../registry/oci/digest.ts';
import { makeLayerFolder } from './snapshots.ts';

const [root = '', until = ''] = process.argv.slice(2);

/** Stands still, event loop and all, so that nothing becomes durable while the test looks. */
function reach(moment: string): void {
  if (moment !== until) return;
  writeSync(1, `${moment}\n`);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);
  process.exit(1);
}

async function build(): Promise<void> {
  const store = await openStore(root);
  await store.hold();
  reach('held');
  const content = Buffer.alloc(1 << 20, 'x');
  await store.blobs.put(stream(content), { digest: digestOf(content), size: content.length, source: 'test' });
  const folder = await makeLayerFolder(store, 'layer');
  reach('prepared');
  const facts = { diffId: digestOf('layer'), sizeBytes: 5, entries: 1 };
  await store.snapshots.commit(folder, { chainId: facts.diffId, parent: undefined, facts });
  reach('committed');
  await store.steps.put('a'.repeat(64), { chainId: facts.diffId, facts });
  reach('recorded');
  await store.flush();
  reach('flushed');
}

async function* stream(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content.subarray(0, 1000);
  reach('fetching');
  yield content.subarray(1000);
}

async function fillDisk(): Promise<void> {
  using store = await openStore(root);
  const large = Buffer.alloc(4 << 20, 'x');
  try {
    await store.blobs.putBytes(large);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    console.log(`${error.code}: ${error.message.replace(/^.*: /, '')}`);
  }
  const small = Buffer.alloc(1 << 20, 'x');
  await store.blobs.putBytes(small);
  if ((await store.blobs.readBytes(digestOf(small)))?.length === small.length) console.log('fits');
}

await (until === 'full' ? fillDisk() : build());
