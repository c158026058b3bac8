import assert from 'node:assert/strict';
import { existsSync, readFileSync, renameSync, statSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { KnownMembers } from '../../../../executor/protocol/messages.ts';
import { hexOf } from '../../../../registry/oci/digest.ts';
import { mediaType } from '../../../../registry/oci/media-type.ts';
import { requires } from '../../../support/requires.ts';
import { zstd } from '../compressions.ts';
import { describeEntry } from '../describe-entry.ts';
import { Lab, readLayer } from '../lab.ts';
import { newBlob, stepRequest } from './copy-lab.ts';

// That a blob is the one of the layer is part of every row of a copy: see copy().

const needs = requires('user:subids', 'user-namespaces');
let lab: Lab;
before(async () => {
  if (needs.skip === undefined) lab = await Lab.open();
});
after(async () => lab?.[Symbol.asyncDispose]());

/** Some 11 MB: files of all sizes, some of which are read with others. */
const context = `mkdir -p d/small; for i in $(seq 300); do seq $i $((i + 200)) > d/small/$i; done; : > d/small/empty
seq 200000 > d/a; seq 900000 > d/large; seq 300000 > d/z`;

type StepRequest = Awaited<ReturnType<typeof stepRequest>>;

function prepared(): Promise<StepRequest> {
  return stepRequest(lab, { context, sources: ['d'], destination: '/d' });
}

/** Packs, and gives the blob the name that the store would give it. */
async function pack(request: StepRequest, known: readonly KnownMembers[]) {
  const directory = lab.folder();
  const blob = newBlob(lab, known);
  const { blob: written, ...facts } = await lab.request({ ...request, directory, mayPack: true, blob });
  assert.ok(written !== undefined, 'it is not packed');
  const index = `${lab.folder()}/${hexOf(written.digest)}`;
  renameSync(blob.members.output, index);
  return { directory, facts, written, blob: blob.output, index };
}

test('packCopy() gives the same blob with known members, and one file under two names', needs, async () => {
  const request = await prepared();
  const first = await pack(request, []);
  const second = await pack(request, [first]);
  assert.deepEqual([second.facts, second.written], [first.facts, first.written]);
  assert.deepEqual(readFileSync(second.index), readFileSync(first.index));
  assert.equal(statSync(`${second.directory}/layer.tar`).ino, statSync(second.blob).ino);
});

test('a layer that was packed compressed can be verified, compressed in another way, and unpacked', needs, async () => {
  const request = await prepared();
  const plain = await lab.request(request);
  const { directory, facts } = await pack(request, []);
  assert.deepEqual(facts, plain);
  const { diffId } = facts;
  await lab.request({ kind: 'verify-layer', directory, diffId, hasOurIds: true });
  for (const compression of [{ kind: 'none' }, zstd(3)] as const) {
    const asked = { kind: 'write-layer', diffId, compression, epoch: undefined } as const;
    const expected = await lab.request({ ...asked, directory: request.directory, output: newBlob(lab).output });
    assert.deepEqual(await lab.request({ ...asked, directory, output: newBlob(lab).output }), expected);
  }
  const unpacked = lab.folder();
  const blob = `${directory}/layer.tar`;
  const own = { isOwn: true, blob, mediaType: mediaType.layer, diffId, directory: unpacked, lowers: [] };
  assert.deepEqual(await lab.request({ kind: 'unpack', ...own }), facts);
  const [found, expected] = [readLayer(unpacked, facts), readLayer(request.directory, facts)];
  assert.deepEqual(
    found.entries.map((entry) => describeEntry(entry, [])),
    expected.entries.map((entry) => describeEntry(entry, [])),
  );
});

for (const name of ['small/150', 'a', 'large', 'z']) {
  test(`packCopy() refuses ${name}, which changed since it was listed, though its members are known`, needs, async () => {
    const request = await prepared();
    const first = await pack(request, []);
    const [group] = request.action.kind === 'copy' ? request.action.groups : [];
    assert.ok(group?.source.kind === 'directory');
    // As long as it was.
    await lab.shell(`cd ${group.source.path}/d; tr 1 2 < ${name} > new && mv new ${name}`);
    const directory = lab.folder();
    const blob = newBlob(lab, [first]);
    const failure = await lab.failure({ ...request, directory, mayPack: true, blob });
    assert.ok(failure.kind === 'refused' && failure.code === 'source-changed', JSON.stringify(failure));
    for (const file of [blob.output, blob.members.output, `${directory}/layer.tar`, `${directory}/index`]) {
      assert.ok(!existsSync(file), file);
    }
  });
}

test('packCopy() gives the same blob when the blob that members were in has changed', needs, async () => {
  const request = await prepared();
  const first = await pack(request, []);
  await lab.shell(
    `printf damaged | dd of=${first.blob} bs=1 seek=100000 conv=notrunc status=none; truncate -s -300000 ${first.blob}`,
  );
  const second = await pack(request, [first]);
  assert.deepEqual([second.facts, second.written], [first.facts, first.written]);
});
