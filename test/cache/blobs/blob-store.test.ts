import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { StoreError } from '../../../cache/files/errors.ts';
import { openStore, type Store } from '../../../cache/store.ts';
import type { Descriptor } from '../../../registry/oci/descriptor.ts';
import { digestOf } from '../../../registry/oci/digest.ts';
import type { BlobSource, BlobStream } from '../../../registry/oci/image-source.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const content = Buffer.from('0123456789'.repeat(100));
const descriptor: Descriptor = { mediaType: 'x', digest: digestOf(content), size: content.length };

/** What a source does when it is opened: gives these bytes, then perhaps breaks. */
interface Answer {
  readonly bytes: Uint8Array;
  readonly error?: Error;
}

/** A source that gives the same each time it is opened, and notes the offsets that it was asked for. */
function sourceOf({ bytes, error }: Answer): BlobSource & { readonly asked: number[] } {
  const asked: number[] = [];
  const open: BlobSource['open'] = (_, { offset = 0 }): Promise<BlobStream> => {
    asked.push(offset);
    return Promise.resolve({ offset, bytes: stream(bytes, error) });
  };
  return { name: 'host/x', asked, open };
}

async function* stream(bytes: Uint8Array, error?: Error): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += 64) yield bytes.subarray(start, start + 64);
  if (error !== undefined) throw error;
}

/** The bytes of blobs and of whatever is in the sessions' folders. */
function filesOf(store: Store): readonly string[] {
  const temporary = readdirSync(store.layout.sessions, { recursive: true, encoding: 'utf8' });
  return [...readdirSync(store.layout.blobs), ...temporary.filter((name) => name.includes('/') && !name.endsWith('/lock'))];
}

test('fetch() stores what it is given and does not ask again', async () => {
  using folder = temporaryFolder('blobs');
  using store = await openStore(folder.path);
  const source = sourceOf({ bytes: content });
  const progress: number[] = [];
  const path = await store.blobs.fetch(descriptor, source, { onProgress: (done) => progress.push(done) });
  assert.deepEqual(readFileSync(path), content);
  assert.equal(progress.at(-1), content.length);
  assert.equal(await store.blobs.has(descriptor.digest), true);
  await store.blobs.fetch(descriptor, source);
  assert.deepEqual(source.asked, [0]);
  assert.deepEqual(filesOf(store), [descriptor.digest.slice('sha256:'.length)]);
});

test('fetch() opens its source once: going on is the part of the source', async () => {
  using folder = temporaryFolder('blobs');
  using store = await openStore(folder.path);
  const source = sourceOf({ bytes: content.subarray(0, 300), error: new Error('reset') });
  await assert.rejects(store.blobs.fetch(descriptor, source), { message: 'reset' });
  assert.deepEqual(source.asked, [0]);
  assert.deepEqual(filesOf(store), []);
});

const other = Buffer.from('9876543210'.repeat(100));
const refused: readonly (readonly [what: string, answer: Answer, code: StoreError['code'] | undefined, message: string])[] = [
  [
    'tampered content',
    { bytes: other },
    'digest-mismatch',
    `Cannot store blob ${descriptor.digest} from host/x: the content has the digest ${digestOf(other)}`,
  ],
  [
    'too much content',
    { bytes: Buffer.concat([content, content]) },
    'size-mismatch',
    `Cannot store blob ${descriptor.digest} from host/x: expected 1000 bytes, got more`,
  ],
  [
    'too little content',
    { bytes: content.subarray(0, 300) },
    'size-mismatch',
    `Cannot store blob ${descriptor.digest} from host/x: expected 1000 bytes, got 300`,
  ],
  ['a source that only fails', { bytes: Buffer.alloc(0), error: new Error('no route') }, undefined, 'no route'],
];

test('fetch() keeps nothing of content that is wrong', async () => {
  for (const [what, answer, code, message] of refused) {
    using folder = temporaryFolder('blobs');
    using store = await openStore(folder.path);
    await assert.rejects(store.blobs.fetch(descriptor, sourceOf(answer)), { message, ...(code && { code }) }, what);
    assert.deepEqual(filesOf(store), [], what);
  }
});

test('fetch() ends with the reason of the signal', async () => {
  using folder = temporaryFolder('blobs');
  using store = await openStore(folder.path);
  const controller = new AbortController();
  const fetching = store.blobs.fetch(descriptor, sourceOf({ bytes: content }), {
    signal: controller.signal,
    onProgress: () => controller.abort(new Error('cancelled')),
  });
  await assert.rejects(fetching, { message: 'cancelled' });
  assert.deepEqual(filesOf(store), []);
});

test('many builds can store one blob at the same time', async () => {
  using folder = temporaryFolder('blobs');
  const stores = await Promise.all(Array.from({ length: 8 }, () => openStore(folder.path)));
  const paths = await Promise.all(stores.map((store) => store.blobs.fetch(descriptor, sourceOf({ bytes: content }))));
  assert.deepEqual(new Set(paths).size, 1);
  assert.deepEqual(readFileSync(paths[0] ?? ''), content);
  for (const store of stores) store[Symbol.dispose]();
});

test('a blob that was changed on the disk is noticed and removed', async () => {
  using folder = temporaryFolder('blobs');
  using store = await openStore(folder.path);
  for (const read of [
    () => store.blobs.readBytes(descriptor.digest),
    async () => {
      for await (const chunk of store.blobs.read(descriptor)) assert.ok(chunk.length > 0);
    },
  ]) {
    await store.blobs.putBytes(content);
    assert.deepEqual(await store.blobs.readBytes(descriptor.digest), content);
    writeFileSync(store.blobs.path(descriptor.digest), other);
    await assert.rejects(read(), { code: 'corrupt' });
    assert.equal(await store.blobs.has(descriptor.digest), false);
  }
});

test('readBytes() gives undefined for what is not there, read() fails', async () => {
  using folder = temporaryFolder('blobs');
  using store = await openStore(folder.path);
  assert.equal(await store.blobs.readBytes(descriptor.digest), undefined);
  await assert.rejects(store.blobs.read(descriptor).next(), {
    code: 'corrupt',
    message: `Cannot read blob ${descriptor.digest}: it is not in the store`,
  });
  await store.blobs.remove(descriptor.digest);
});
