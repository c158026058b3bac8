import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sniff } from '../../../../registry/oci/compression/sniff.ts';

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

test('sniff() loses nothing of a stream', async () => {
  const bytes = Buffer.from('0123456789');
  for (const size of [1, 3, 10]) {
    const stream = await sniff(inPieces(bytes, size), 4);
    assert.equal(stream.head.toString(), '0123');
    const all: Uint8Array[] = [];
    for await (const chunk of stream.bytes) all.push(chunk);
    assert.deepEqual(Buffer.concat(all), bytes);
  }
});
