import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { BegunBlobs } from '../../../builder/layers/begun-blobs.ts';
import type { CompressedLayer } from '../../../cache/records/compressed-layers.ts';
import { digestOf } from '../../../registry/oci/digest.ts';

const digest = digestOf(new Uint8Array());
const blob: CompressedLayer = { diffId: digest, descriptor: { mediaType: 'm', digest, size: 0 } };

test('BegunBlobs makes each blob once, whoever asks', async () => {
  const begun = new BegunBlobs();
  let made = 0;
  const make = async (): Promise<CompressedLayer> => {
    made++;
    await turn();
    return blob;
  };
  await Promise.all([begun.once('a', make), begun.once('a', make)]);
  await begun.once('a', make);
  assert.equal(made, 1);
});

test('BegunBlobs tries again what failed in the background, and nothing else', async () => {
  const begun = new BegunBlobs({ isInBackground: true });
  const failure = new Error('full');
  const fail = (): Promise<CompressedLayer> => Promise.reject(failure);
  await assert.rejects(begun.once('a', fail), failure);
  assert.equal(await begun.once('a', async () => blob), blob);
  begun.bringForward();
  await assert.rejects(begun.once('b', fail), failure);
  await assert.rejects(
    begun.once('b', async () => blob),
    failure,
  );
});

test('BegunBlobs writes one at a time in the background, and more when people wait', async () => {
  const begun = new BegunBlobs({ isInBackground: true });
  let running = 0;
  let most = 0;
  const work = async (): Promise<void> => {
    most = Math.max(most, ++running);
    for (let turns = 0; turns < 5; turns++) await turn();
    running--;
  };
  await Promise.all([1, 2, 3].map(() => begun.write(work)));
  assert.equal(most, 1);
  begun.bringForward();
  await Promise.all([1, 2, 3].map(() => begun.write(work)));
  assert.equal(most, 2);
});
