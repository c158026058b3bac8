import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, ftruncateSync, lstatSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeBusyboxLayout } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

// Layers hold every byte of a sparse file, as BuildKit's and docker's do: Go's tar writer makes no sparse entries. On disk the holes stay holes.

shareProcess();

const needs = requires('user:subids', 'tool:busybox', 'tool:tar');
const sizeBytes = 24 << 20;
const inTheMiddle = 9 << 20;

async function prepared(containerfile: string): Promise<Sandbox> {
  const box = sandbox();
  await writeBusyboxLayout(box.at('base'));
  box.file('c/Containerfile', containerfile).file('c/disk', 'start');
  const fd = openSync(box.at('c/disk'), 'r+');
  writeSync(fd, 'middle', inTheMiddle);
  ftruncateSync(fd, sizeBytes);
  closeSync(fd);
  return box;
}

async function build(box: Sandbox, ...args: readonly string[]): Promise<void> {
  await box.tsbuild('--build-context', 'base=oci-layout://base', '-t', 'app', ...args, 'c').succeeds();
}

/** The files of the store that are as long as the one that was copied. */
function copiesIn(box: Sandbox): readonly string[] {
  const snapshots = join(box.store, 'snapshots');
  return readdirSync(snapshots, { recursive: true, encoding: 'utf8' })
    .map((name) => join(snapshots, name))
    .filter((path) => lstatSync(path).isFile() && lstatSync(path).size >= sizeBytes);
}

function allocatedBytes(path: string): number {
  return lstatSync(path).blocks * 512;
}

function digestOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

/** The topmost layer, as a tar, and the image's digest. */
async function topmostLayer(box: Sandbox): Promise<{ readonly tar: Buffer; readonly digest: string }> {
  await box.tsbuild('save', '--format=oci-dir', '-o', 'saved', 'app').succeeds();
  const blob = (digest: string): Buffer => readFileSync(box.at('saved/blobs', digest.replace(':', '/')));
  const [{ digest }] = JSON.parse(readFileSync(box.at('saved/index.json'), 'utf8')).manifests;
  const { layers }: { layers: { digest: string }[] } = JSON.parse(blob(digest).toString());
  const tar = execFileSync('gzip', ['-dc'], { input: blob(layers.at(-1)?.digest ?? ''), maxBuffer: 1 << 30 });
  return { tar, digest };
}

const forms = [
  { what: 'packed', file: 'FROM base\nCOPY disk /\n', args: [] },
  { what: 'copied', file: 'FROM base\nCOPY disk /\n', args: ['-o', 'files'] },
] as const;

test('a sparse file is whole in its layer, however the COPY was carried out', needs, async () => {
  const digests = new Set<string>();
  for (const { what, file, args } of forms) {
    using box = await prepared(file);
    if (args.length > 0) await box.tsbuild('--build-context', 'base=oci-layout://base', ...args, 'c').succeeds();
    await build(box);
    const { tar, digest } = await topmostLayer(box);
    // The header of the only entry: a regular file (ustar), all of it behind.
    assert.deepEqual([tar.toString('latin1', 0, 4), tar.toString('latin1', 156, 157)], ['disk', '0'], what);
    assert.ok(tar.subarray(512, 512 + sizeBytes).equals(readFileSync(box.at('c/disk'))), what);
    digests.add(digest);
  }
  assert.equal(digests.size, 1);
});

test('the holes of a sparse file stay holes in the store and in what is written from it', needs, async () => {
  using box = await prepared('FROM base\nCOPY disk /\n');
  const original = digestOf(box.at('c/disk'));
  // A packed layer, which a RUN needs as files.
  await build(box);
  box.file('next/Containerfile', 'FROM app\nRUN sha256sum /disk && stat -c "size %s" /disk\n');
  const { stderr } = await box.tsbuild('--pull=never', '--progress=plain', 'next').succeeds();
  assert.ok(stderr.includes(`${original}  /disk`) && stderr.includes(`size ${sizeBytes}`), stderr);
  await box.tsbuild('--build-context', 'base=oci-layout://base', '-o', 'files', 'c').succeeds();
  const copies = [...copiesIn(box), box.at('files/disk')];
  assert.equal(copies.length, 2);
  for (const path of copies) {
    assert.equal(digestOf(path), original, path);
    assert.ok(allocatedBytes(path) < 1 << 20, `${path} takes ${allocatedBytes(path)} bytes`);
  }
});

test('the holes of a layer that was loaded are holes again', needs, async () => {
  using box = await prepared('FROM base\nCOPY disk /\n');
  await build(box);
  await box.tsbuild('save', '-o', 'app.tar', 'app').succeeds();
  using other = sandbox();
  other.file('c/Containerfile', 'FROM app\nRUN sha256sum /disk\n');
  await other.tsbuild('load', '-i', box.at('app.tar')).succeeds();
  const { stderr } = await other.tsbuild('--pull=never', '--progress=plain', 'c').succeeds();
  assert.ok(stderr.includes(`${digestOf(box.at('c/disk'))}  /disk`), stderr);
  const copies = copiesIn(other);
  assert.equal(copies.length, 1);
  for (const path of copies) assert.ok(allocatedBytes(path) < 1 << 20, `${path} takes ${allocatedBytes(path)} bytes`);
});
