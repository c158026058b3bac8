import assert from 'node:assert/strict';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { AppendedFile } from '../../../cache/files/appended-file.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

/** A file that takes only a part of what it is given, as the kernel may. */
function reluctant(file: FileHandle, shares: readonly number[]): Pick<FileHandle, 'writev'> {
  let calls = 0;
  return {
    writev: async (buffers, position) => {
      const bytes = Buffer.concat(buffers.map((buffer) => Buffer.from(buffer.buffer, buffer.byteOffset, buffer.byteLength)));
      const share = shares[calls % shares.length] ?? 1;
      calls += 1;
      const { bytesWritten } = await file.write(bytes, 0, Math.ceil(bytes.length * share), position);
      return { bytesWritten, buffers: [...buffers] };
    },
  };
}

test('AppendedFile holds what was appended, whatever the pieces, and however little the kernel takes at a time', async () => {
  using folder = temporaryFolder();
  let count = 0;
  const piece = fc.oneof(fc.nat(100), fc.nat(700_000), fc.constant(0), fc.integer({ min: 1 << 20, max: 3 << 20 }));
  const shares = fc.array(fc.constantFrom(0.001, 0.5, 1), { minLength: 1, maxLength: 3 }).filter((all) => all.includes(1));
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 8 }), shares, async (sizes, parts) => {
      count += 1;
      await using file = await open(folder.at(String(count)), 'w');
      const appended = new AppendedFile(reluctant(file, parts));
      const chunks = sizes.map((size, index) => Buffer.alloc(size, index + 1));
      for (const chunk of chunks) await appended.append(chunk);
      await appended.flush();
      assert.ok((await readFile(folder.at(String(count)))).equals(Buffer.concat(chunks)));
    }),
    { numRuns: 40 },
  );
});

test('AppendedFile tells of a failure with one of the next calls', async () => {
  const failure = new Error('no space');
  const full = { writev: () => Promise.reject(failure) };
  const appended = new AppendedFile(full);
  await appended.append(Buffer.alloc(2 << 20));
  await assert.rejects(appended.append(Buffer.alloc(2 << 20)), failure);
  await assert.rejects(appended.flush(), failure);
  await appended.settle();
});
