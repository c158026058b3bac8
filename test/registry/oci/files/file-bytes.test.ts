import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileBytes } from '../../../../registry/oci/files/file-bytes.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

test('fileBytes() fails where it is read, however late that is', async () => {
  using folder = temporaryFolder();
  const bytes = fileBytes(folder.at('nothing'));
  await pause(50);
  await assert.rejects(bytes.next(), { code: 'ENOENT' });
});

test('fileBytes() gives a part of a file', async () => {
  using folder = temporaryFolder();
  writeFileSync(folder.at('file'), 'abcdef');
  const { value } = await fileBytes(folder.at('file'), { start: 1, end: 3 }).next();
  assert.equal(String(value), 'bcd');
});
