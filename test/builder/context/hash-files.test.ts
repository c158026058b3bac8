import assert from 'node:assert/strict';
import { chmodSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { type FileToHash, hashFiles } from '../../../builder/context/hash-files.ts';
import { rawPath } from '../../../registry/oci/raw-path.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

/** Larger than what is read at once. */
const largeBytes = 64 << 20;

function toHash(file: string): FileToHash {
  const { dev, ino, mtimeNs, ctimeNs } = statSync(file, { bigint: true });
  return { path: rawPath('f'), file, stamp: { dev, ino, size: BigInt(largeBytes), mtimeNs, ctimeNs }, name: 'the context' };
}

async function hashed(file: string): Promise<readonly (string | undefined)[]> {
  const digests: (string | undefined)[] = [];
  for await (const some of hashFiles('/', [toHash(file)], undefined)) digests.push(...some.map(({ digest }) => digest));
  return digests;
}

const changed = { name: 'SourceError', code: 'changed' };

const changes: Readonly<Record<string, (file: string, turn: number) => void>> = {
  // Who writes and puts the time back is seen by the time of the change alone.
  'a file that is written and gets its old time back': (file) => {
    const { atime, mtime } = statSync(file);
    writeFileSync(file, 'x', { flag: 'r+' });
    utimesSync(file, atime, mtime);
  },
  'a mode that changes': (file, turn) => chmodSync(file, turn % 2 === 0 ? 0o600 : 0o644),
  'a size that changes': (file, turn) => truncateSync(file, largeBytes + (turn % 2)),
};

for (const [what, change] of Object.entries(changes)) {
  test(`hashFiles() does not take ${what} for what it was`, async () => {
    using folder = temporaryFolder();
    const file = folder.at('f');
    writeFileSync(file, '');
    truncateSync(file, largeBytes);
    let turn = 0;
    const timer = setInterval(() => change(file, turn++), 1);
    try {
      await assert.rejects(hashed(file), changed);
    } finally {
      clearInterval(timer);
    }
  });
}

test('hashFiles() does not take a file that ends elsewhere than it says for a whole one', async () => {
  // Files of the kernel have the size 0, and content.
  await assert.rejects(hashed('/proc/self/status'), changed);
});

test('hashFiles() says nothing of a file that is gone', async () => {
  using folder = temporaryFolder();
  const file = folder.at('f');
  writeFileSync(file, 'x');
  const gone = { ...toHash(file), file: folder.at('other') };
  for await (const [one] of hashFiles('/', [gone], undefined)) assert.equal(one?.digest, undefined);
});
