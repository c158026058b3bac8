import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { writeCopyList } from '../../../builder/context/copy-list.ts';
import type { CopyEntry } from '../../../executor/protocol/copy-entry.ts';
import { encodeCopyList } from '../../../executor/protocol/copy-list.ts';
import { rawPath } from '../../../registry/oci/raw-path.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

test('writeCopyList() writes the lines of a list to a new file', async () => {
  using folder = temporaryFolder('list');
  const entries = Array.from({ length: 2500 }, (_, number): CopyEntry => {
    const path = rawPath(`"${number}\n\u00ff"`);
    return { type: 'directory', from: path, to: path, mode: 0o755, uid: 0, gid: 0, mtime: 0 };
  });
  await writeCopyList(folder.at('list'), entries);
  const text = readFileSync(folder.at('list'), 'utf8');
  assert.deepEqual(text.split('\n'), [...encodeCopyList(entries), '']);
  await assert.rejects(writeCopyList(folder.at('list'), entries), { code: 'EEXIST' });
  await writeCopyList(folder.at('empty'), []);
  assert.equal(readFileSync(folder.at('empty'), 'utf8'), '');
});
