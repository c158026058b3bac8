import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { writeCopyList } from '../../../builder/context/copy-list.ts';
import { type CopyEntry, decodeCopyEntry, decodeIdentity } from '../../../executor/protocol/copy-entry.ts';
import { rawPath } from '../../../registry/oci/raw-path.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

test('writeCopyList() writes an entry a line, whatever is in its name', async () => {
  using folder = temporaryFolder('list');
  const common = { mode: 0o755, uid: 0, gid: 0, mtime: 0 };
  const folders = Array.from({ length: 2500 }, (_, number): CopyEntry => {
    return { type: 'directory', from: rawPath(`a\n${number}\u00ff`), to: rawPath(`"${number}"`), ...common };
  });
  const identity = { ino: 2n ** 63n, size: 0n, mtimeNs: -1n, ctimeNs: 2n ** 62n + 1n };
  const file = { type: 'file', from: rawPath('f'), to: rawPath('f'), ...common, size: 0, digest: 'd' } as const;
  const entries: readonly CopyEntry[] = [...folders, file, { ...file, identity }];
  await writeCopyList(folder.at('list'), entries);
  const lines = readFileSync(folder.at('list'), 'utf8').split('\n');
  assert.equal(lines.pop(), '');
  assert.deepEqual(
    lines.map((line) => {
      const entry = decodeCopyEntry(line);
      const hasIdentity = entry.type === 'file' && entry.identity !== undefined;
      return hasIdentity ? { ...entry, identity: decodeIdentity(entry.identity) } : entry;
    }),
    entries,
  );
  await assert.rejects(writeCopyList(folder.at('list'), entries), { code: 'EEXIST' });
  await writeCopyList(folder.at('empty'), []);
  assert.equal(readFileSync(folder.at('empty'), 'utf8'), '');
});
