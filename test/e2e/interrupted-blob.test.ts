import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { hasErrno } from '../../registry/oci/thrown.ts';
import { readImage } from '../support/image-archive.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox } from '../support/sandbox.ts';

// A build that ends while a layer is compressed, of which some members are known and others are not.

const needs = requires('user:subids');

/** Some 12 MB in 300 files. */
function prepared(): Sandbox {
  const box = sandbox().file('c/Containerfile', 'FROM scratch\nCOPY tree /tree\n').folder('out');
  for (let index = 0; index < 300; index += 1) box.file(`c/tree/${index}`, `line ${index}\n`.repeat(index * 27));
  return box;
}

/** Behind all others, and long enough to be met. */
function addNew(box: Sandbox): void {
  box.file('c/tree/new', Array.from({ length: 4_000_000 }, (_, index) => index * index).join('\n'));
}

async function digestOf(box: Sandbox, fields: string): Promise<string> {
  const { stdoutBytes } = await box.tsbuild('-o', `type=oci,dest=-,${fields}`, 'c').succeeds();
  // Compares every blob with its digest, and every layer with its own.
  return (await readImage(stdoutBytes)).manifestDigest;
}

/** True while a file of more than a megabyte is on its way into the store. */
function isWriting(box: Sandbox): boolean {
  return filesBelow(`${box.store}/tmp`).some((path) => (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 1_000_000);
}

function filesBelow(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((found) => {
      const path = `${folder}/${found.name}`;
      return found.isDirectory() ? filesBelow(path) : [path];
    });
  } catch (error) {
    // What a build has on its way comes and goes while it is looked at.
    if (hasErrno(error, 'ENOENT')) return [];
    throw error;
  }
}

for (const [signal, fields] of [
  ['SIGKILL', 'compression=gzip'],
  ['SIGINT', 'compression=gzip'],
  ['SIGKILL', 'compression=zstd'],
  ['SIGINT', 'compression=zstd'],
] as const) {
  test(`${signal} in the midst of a blob leaves nothing that the next build sees: ${fields}`, needs, async () => {
    using box = prepared();
    await digestOf(box, fields);
    addNew(box);
    const run = box.tsbuild('-o', `type=oci,dest=out/o.tar,${fields}`, 'c');
    while (!isWriting(box) && run.child.exitCode === null) await delay(1);
    assert.equal(run.child.exitCode, null, 'it ended too early');
    run.child.kill(signal);
    const { exit } = await run.finished();
    if (signal === 'SIGINT') assert.equal(exit, 130);
    assert.deepEqual(readdirSync(box.at('out')), []);
    assert.equal(readdirSync(`${box.store}/members`).length, 1);
    using fresh = prepared();
    addNew(fresh);
    assert.equal(await digestOf(box, fields), await digestOf(fresh, fields));
    assert.deepEqual(readdirSync(`${box.store}/tmp`), []);
  });
}
