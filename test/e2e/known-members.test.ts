import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { decodeMembers } from '../../registry/oci/layer/member-index.ts';
import { readImage } from '../support/image-archive.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

// Parts of a layer that were compressed before are not compressed again, and nobody can tell by the image.

shareProcess();

const needs = requires('user:subids');

/** Some 16 MB in 300 files, in a folder each, and a large one. */
function prepared(changed: Readonly<Record<string, string>> = {}): Sandbox {
  const box = sandbox()
    .file('c/Containerfile', 'FROM scratch\nCOPY tree /tree\n')
    .file('c/tree/large', 'a large file\n'.repeat(250_000));
  for (let index = 0; index < 300; index += 1) {
    box.file(`c/tree/${index}/f`, `line ${index}\n`.repeat(500 + ((index * 7919) % 8000)));
  }
  for (const [name, content] of Object.entries(changed)) box.file(name, content);
  return box;
}

const change = { 'c/tree/150/f': 'something else\n'.repeat(700), 'c/tree/150/new': 'a new file\n' };

function change150(box: Sandbox): void {
  for (const [name, content] of Object.entries(change)) box.file(name, content);
}

async function digestOf(box: Sandbox, fields: string): Promise<string> {
  const { stdoutBytes } = await box.tsbuild('-o', `type=oci,dest=-,${fields}`, 'c').succeeds();
  // Compares every blob with its digest, and every layer with its own.
  return (await readImage(stdoutBytes)).manifestDigest;
}

/** The names of members in each index of the store. */
function indexesOf(box: Sandbox): readonly (readonly string[])[] {
  const folder = `${box.store}/members`;
  return readdirSync(folder).map((blob) =>
    (decodeMembers(blob, readFileSync(`${folder}/${blob}`)) ?? []).map(({ name }) => name),
  );
}

for (const fields of ['compression=gzip', 'compression=zstd', 'compression=gzip,compression-level=0']) {
  test(
    `a layer that changed a little has the same digest with members of the one before and without: ${fields}`,
    needs,
    async () => {
      using box = prepared();
      const first = await digestOf(box, fields);
      change150(box);
      const second = await digestOf(box, fields);
      assert.notEqual(second, first);
      const [one = [], other = []] = indexesOf(box);
      assert.ok(one.length > 10, String(one.length));
      assert.ok(one.filter((name) => !other.includes(name)).length <= 2);
      using fresh = prepared(change);
      assert.equal(await digestOf(fresh, fields), second);
    },
  );
}

test('a damaged blob does not get into the next one', needs, async () => {
  using box = prepared();
  await digestOf(box, 'compression=gzip');
  for (const index of readdirSync(`${box.store}/members`)) {
    const blob = `${box.store}/blobs/sha256/${index}`;
    writeFileSync(blob, readFileSync(blob).fill(7, 1000, 1001).fill(7, 30_000, 30_001));
  }
  change150(box);
  using fresh = prepared(change);
  assert.equal(await digestOf(box, 'compression=gzip'), await digestOf(fresh, 'compression=gzip'));
});

test('what is known of members is shown by du, verified, and goes with its blob', needs, async () => {
  using box = prepared();
  await digestOf(box, 'compression=gzip');
  assert.match((await box.tsbuild('du').succeeds()).stdout, /^members +1 /m);
  await box.tsbuild('prune').succeeds();
  const [index = ''] = readdirSync(`${box.store}/members`);
  const file = `${box.store}/members/${index}`;
  writeFileSync(file, readFileSync(file).fill(7, 100, 101));
  assert.match((await box.tsbuild('store', 'verify').fails({ exit: 5 })).stdout, /members of blob/);
  await box.tsbuild('store', 'verify', '--repair').succeeds();
  assert.deepEqual(readdirSync(`${box.store}/members`), []);
  change150(box);
  await digestOf(box, 'compression=gzip');
  assert.equal(readdirSync(`${box.store}/members`).length, 1);
  await box.tsbuild('prune', '--all').succeeds();
  assert.deepEqual(readdirSync(`${box.store}/members`), []);
});
