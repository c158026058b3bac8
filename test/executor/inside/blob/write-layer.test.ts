import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { timeAtEpoch } from '../../../../executor/inside/files/file-times.ts';
import type { LayerCompression } from '../../../../executor/protocol/messages.ts';
import { digestOf } from '../../../../registry/oci/digest.ts';
import { readAll } from '../../../registry/oci/tar/archives.ts';
import { requires } from '../../../support/requires.ts';
import { gzip, zstd } from '../compressions.ts';
import { Lab, type LabLayer } from '../lab.ts';
import { dir, file, hardlink, symlink } from '../tar-inputs.ts';

const needs = requires('user:subids', 'user-namespaces');
const T0 = 315_619_200;
let lab: Lab;
before(async () => {
  if (needs.skip === undefined) lab = await Lab.open();
});
after(async () => lab?.[Symbol.asyncDispose]());

async function someLayer(): Promise<LabLayer> {
  return lab.unpack([
    dir('a', { mode: 0o1777, mtime: T0 }),
    file('a/f', 'hello', { uid: 7, gid: 8, mode: 0o4711, mtime: 11 }),
    hardlink('a/h', 'a/f', { uid: 7, gid: 8, mode: 0o4711, mtime: 11 }),
    symlink('a/l', 'f', { mtime: T0 + 5 }),
    file('big', 'y'.repeat(6_000_001), { mtime: T0 }),
    file('.wh.gone', '', { mode: 0 }),
    file('o/.wh..wh..opq', '', { mode: 0 }),
  ]);
}

for (const compression of [{ kind: 'none' }, gzip(6), gzip(1), zstd(3)] as const satisfies LayerCompression[]) {
  test(`writeLayer() makes the same tar again with ${JSON.stringify(compression)}`, {
    ...needs,
    ...requires('tool:zstd'),
  }, async () => {
    const { directory, facts } = await someLayer();
    const output = `${lab.folder()}/blob`;
    const { diffId } = facts;
    const written = await lab.request({ kind: 'write-layer', directory, diffId, output, compression, epoch: undefined });
    const blob = readFileSync(output);
    const tar = await tarOf(blob, compression.kind);
    assert.deepEqual(written, { digest: digestOf(blob), sizeBytes: blob.length, diffId: facts.diffId });
    assert.equal(digestOf(tar), facts.diffId);
  });
}

async function tarOf(blob: Buffer, kind: LayerCompression['kind']): Promise<Buffer> {
  if (kind === 'gzip') return gunzipSync(blob);
  return kind === 'zstd' ? execFileSync('zstd', ['-dc'], { input: blob, maxBuffer: 1 << 30 }) : blob;
}

test('convertLayer() gives the blob that writeLayer() gives, and refuses another tar', needs, async () => {
  const { directory, facts } = await someLayer();
  const folder = lab.folder();
  const [plain, written, converted] = [`${folder}/plain`, `${folder}/written`, `${folder}/converted`];
  const compression = zstd(1);
  const layer = { kind: 'write-layer', directory, diffId: facts.diffId, epoch: undefined } as const;
  await lab.request({ ...layer, output: plain, compression: gzip(1) });
  const expected = await lab.request({ ...layer, output: written, compression });
  const request = { kind: 'convert-layer', blob: plain, diffId: facts.diffId, output: converted, compression } as const;
  assert.deepEqual(await lab.request(request), expected);
  assert.ok(readFileSync(converted).equals(readFileSync(written)));
  const output = `${folder}/other`;
  const failure = await lab.failure({ ...request, diffId: digestOf('other'), output });
  assert.equal(failure.kind === 'refused' && failure.code, 'digest-mismatch');
  assert.equal(existsSync(output), false);
});

test('writeLayer() gives an epoch to what has the constant time or a later one', needs, async () => {
  const { directory, facts } = await someLayer();
  const output = `${lab.folder()}/blob`;
  const request = { kind: 'write-layer', directory, diffId: facts.diffId, output, compression: { kind: 'none' } } as const;
  const written = await lab.request({ ...request, epoch: { seconds: T0 + 3, base: [], below: [] } });
  assert.notEqual(written.diffId, facts.diffId);
  const times = (await readAll(readFileSync(output))).map(({ path, mtime }) => `${path} ${mtime}`);
  assert.deepEqual(times, [
    `a ${T0 + 3}`,
    'a/f 11',
    'a/h 11',
    `a/l ${T0 + 3}`,
    `big ${T0 + 3}`,
    '.wh.gone 0',
    'o/.wh..wh..opq 0',
  ]);
});

test('timeAtEpoch() never raises an older time', () => {
  assert.deepEqual(
    [0, 5, 6, T0].map((time) => timeAtEpoch(time, 5)),
    [0, 5, 5, 5],
  );
});

test('writeLayer() and verifyLayer() refuse a layer whose files are others now', needs, async () => {
  const changes: Readonly<Record<string, string>> = {
    'another content': 'printf hallo > FS/a/f',
    'a longer file': 'echo more >> FS/big',
    'a missing file': 'rm FS/big',
    'a link in place of a file': 'rm FS/big; ln -s a/f FS/big',
    'a file in place of a folder': 'rm -r FS/a; touch FS/a',
    'an empty folder': 'rm -r FS/*',
    'an index that is cut': 'truncate -s 100 INDEX',
    'an index that is text': 'echo text > INDEX',
  };
  for (const [name, change] of Object.entries(changes)) {
    const { directory, fs, facts } = await someLayer();
    const layer = { directory, diffId: facts.diffId } as const;
    await lab.request({ kind: 'verify-layer', hasOurIds: true, ...layer });
    await lab.shell(change.replaceAll('FS', fs).replaceAll('INDEX', `${directory}/index`));
    const output = `${lab.folder()}/blob`;
    const request = { kind: 'write-layer', ...layer, output, compression: { kind: 'none' } } as const;
    // A file that has grown is read as far as the index says, so the layer is the same.
    const failures = [await lab.failure({ kind: 'verify-layer', hasOurIds: true, ...layer })];
    if (name !== 'a longer file') {
      failures.push(
        await lab.failure({ ...request, epoch: undefined }),
        await lab.failure({ ...request, epoch: { seconds: T0 + 3, base: [], below: [] } }),
      );
    }
    for (const failure of failures) {
      assert.equal(failure.kind === 'refused' && failure.code, 'layer-damaged', `${name}: ${JSON.stringify(failure)}`);
    }
    assert.equal(existsSync(output), false, name);
  }
});

for (const [name, change] of [
  ['another mode', 'chmod 755 FS/a/f'],
  ['another mode of a folder', 'chmod 755 FS/a'],
  ['another owner', 'chown 9:9 FS/big'],
  ['another time', 'touch -d @12 FS/big'],
  ['another time of a folder', 'touch -d @12 FS/a'],
  ['another target', 'ln -sfn other FS/a/l'],
  ['a hard link that is none any more', 'cp -p FS/a/h FS/x; mv FS/x FS/a/h'],
  ['a file besides', 'touch FS/new'],
  ['a folder besides', 'mkdir FS/new'],
  ['a whiteout besides', 'mknod FS/new c 0 0'],
] as const) {
  test(`verifyLayer() refuses a layer with ${name}`, needs, async () => {
    const { directory, fs, facts } = await someLayer();
    await lab.shell(change.replaceAll('FS', fs));
    const failure = await lab.failure({ kind: 'verify-layer', hasOurIds: true, directory, diffId: facts.diffId });
    assert.equal(failure.kind === 'refused' && failure.code, 'layer-damaged', JSON.stringify(failure));
  });
}

test('verifyLayer() finds a file that an unpacked layer did not bring', needs, async () => {
  const { directory, fs, facts } = await someLayer();
  await lab.shell(`echo new > ${fs}/o/new`);
  const failure = await lab.failure({ kind: 'verify-layer', hasOurIds: true, directory, diffId: digestOf('of another tool') });
  assert.match(failure.kind === 'refused' ? failure.message : '', /"o\/new" is not what it was/);
  assert.ok(facts.entries > 0);
});

test('verifyLayer() takes layers in which a path comes twice', needs, async () => {
  const first = [file('f', 'first'), dir('d'), file('d/x', 'x'), file('f', 'second'), symlink('d', 'f')];
  const folder = [dir('e', { mode: 0o700 }), file('e/x', 'x'), file('e', 'file'), dir('e', { mode: 0o750 }), file('e/y', 'y')];
  const links = [file('g', 'g'), hardlink('h', 'g', { mode: 0o600 }), file('h', 'other'), hardlink('i', 'g', { mode: 0o640 })];
  const twice = await lab.unpack([...first, ...folder, ...links]);
  await lab.request({ kind: 'verify-layer', hasOurIds: true, directory: twice.directory, diffId: twice.facts.diffId });
});

test('writeLayer() refuses a file that became shorter, and an output that exists', needs, async () => {
  const { directory, fs, facts } = await someLayer();
  const output = `${lab.folder()}/blob`;
  const request = { kind: 'write-layer', directory, diffId: facts.diffId, output, epoch: undefined } as const;
  await lab.shell(`truncate -s 5 ${fs}/big`);
  const short = await lab.failure({ ...request, compression: gzip(1) });
  assert.equal(short.kind === 'refused' && short.code, 'layer-damaged');
  assert.equal(existsSync(output), false);
  await lab.shell(`echo mine > ${output}`);
  const taken = await lab.failure({ ...request, compression: { kind: 'none' } });
  assert.equal(taken.kind === 'syscall' && taken.errno, 'EEXIST');
  assert.equal(readFileSync(output, 'utf8'), 'mine\n');
});

test('layers of gigabytes need little memory', needs, async () => {
  await using large = await Lab.open();
  const directory = large.folder();
  await large.shell(`mkdir ${directory}/fs; truncate -s 1G ${directory}/fs/sparse`);
  const facts = await large.order({ kind: 'commit', directory, base: undefined, buildStartNs: '0' });
  assert.ok(Number(await large.order({ kind: 'memory' })) < 200 * 1024);
  assert.deepEqual(JSON.parse(JSON.stringify(facts)).sizeBytes, 2 ** 30 + 512 + 1024);
});
