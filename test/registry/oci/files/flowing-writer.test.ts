import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { test } from 'node:test';
import { FlowingWriter } from '../../../../registry/oci/files/flowing-writer.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const mebibyte = 1 << 20;

test('FlowingWriter writes chunks in their order, whether or not they are waited for', async () => {
  using folder = temporaryFolder('flowing-writer');
  const chunks = Array.from({ length: 70 }, (_, index) => Buffer.alloc(mebibyte + index, index));
  await using file = await open(folder.at('file'), 'wx');
  await using writer = new FlowingWriter(file);
  for (const [index, chunk] of chunks.entries()) {
    await writer.write(chunk);
    if (index % 3 === 0) await writer.written();
  }
  await writer.finish();
  assert.ok(readFileSync(folder.at('file')).equals(Buffer.concat(chunks)));
});

/** A file on a disk that fails at one of the calls. */
function fileFailingAt(failing: string) {
  const call = (name: string) => async (): Promise<void> => {
    if (name === failing) throw new Error(`${name} failed`);
  };
  return { writeFile: call('writeFile'), datasync: call('datasync'), sync: call('sync') };
}

for (const failing of ['writeFile', 'datasync', 'sync']) {
  test(`FlowingWriter tells that ${failing} failed, at the end at the latest`, async () => {
    await using writer = new FlowingWriter(fileFailingAt(failing));
    const write = async (): Promise<void> => {
      for (let index = 0; index < 40; index += 1) await writer.write(Buffer.alloc(mebibyte));
      await writer.finish();
    };
    await assert.rejects(write, { message: `${failing} failed` });
  });
}
