import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { chooseCopiedFiles } from '../../../builder/context/copy-plan.ts';
import { scanContext } from '../../../builder/context/scan.ts';
import { FileDigests } from '../../../cache/records/file-digests.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

/** Bytes that are in use when nothing is left to be collected. */
async function bytesInUse(): Promise<number> {
  setFlagsFromString('--expose-gc');
  // What is freed by one collection lets go of more.
  for (let count = 0; count < 3; count++) {
    await nextTurn();
    runInNewContext('gc')();
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

test('what is known of the files of a context takes less than 400 bytes for each, read or remembered', async (context) => {
  using folder = temporaryFolder('memory');
  const [folders, files] = [60, 200];
  for (let number = 0; number < folders; number++) {
    const inner = folder.at('c', `some-module-${number}`, 'lib');
    mkdirSync(inner, { recursive: true });
    for (let file = 0; file < files; file++) writeFileSync(`${inner}/component-${file}.test.ts`, `${file}`);
  }
  // A clock that runs ahead stands for waiting until no file is racy. A mock would keep who called it.
  const { now } = Date;
  Date.now = () => now() + 10_000;
  context.after(() => {
    Date.now = now;
  });
  const bytesForEach = async (name: string): Promise<number> => {
    const before = await bytesInUse();
    const digests = await FileDigests.load(folder.at(name));
    const tree = await scanContext(folder.at('c'), { digests });
    const groups = await chooseCopiedFiles(tree, { sources: [{ kind: 'path', path: '.' }], excludes: [], keepsParents: false });
    const bytes = (await bytesInUse()) - before;
    await digests.save();
    assert.equal(groups[0]?.entries.length, 1 + folders * (2 + files));
    return bytes / (folders * files);
  };
  // What is loaded by the first is there for the others.
  await bytesForEach('known');
  for (const name of ['new', 'known']) {
    const bytes = await bytesForEach(name);
    assert.ok(bytes < 400, `${bytes.toFixed(0)} bytes for each file that is ${name}`);
  }
});
