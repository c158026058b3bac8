import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readImage } from '../support/image-archive.ts';
import { repositoryRoot } from '../support/repository.ts';
import { requires } from '../support/requires.ts';
import { programCommand, type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

// Which layout there is, where an image tells it, and what leaves by which. test/e2e/layout-digests.test.ts has what layouts make.

shareProcess();

const needs = requires('user:subids');
const annotation = 'io.tsbuild.layout';

function prepared(): Sandbox {
  return sandbox().file('c/Containerfile', 'FROM scratch\nCOPY f /f\n').file('c/f', 'content\n'.repeat(10_000));
}

const unknown: readonly (readonly string[])[] = [
  ['build', '--layout', '2', 'c'],
  ['save', '--layout=2', '-o', 'a.tar', 'x'],
  ['push', '--layout', '2', 'x', 'localhost:1/x'],
  ['copy', '--layout', '2', 'store:x', 'oci:a'],
  ['manifest', 'push', '--layout', '2', 'x', 'localhost:1/x'],
];

for (const args of unknown) {
  test(`a layout that this version does not know is refused by ${args.join(' ')}`, needs, async () => {
    using box = prepared();
    await box.tsbuild('-t', 'x', 'c').succeeds();
    const stderr = /error: Cannot use layout 2: there is no such layout\nhint: Layouts of this version: 1\n/;
    await box.tsbuild(...args).fails({ exit: 2, stderr });
  });
}

test('a layout has a number', needs, async () => {
  using box = prepared();
  await box.tsbuild('--layout', 'one', 'c').fails({ exit: 2, stderr: /Cannot use --layout one: expected a whole number/ });
});

const told: readonly (readonly [flags: readonly string[], layout: string | undefined])[] = [
  [['-o', 'type=oci,dest=a.tar'], '1'],
  [['-o', 'type=oci,dest=a.tar,compression=uncompressed'], '1'],
  [['-o', 'type=docker,dest=a.tar'], '1'],
  [['--format', 'docker', '-o', 'type=docker,dest=a.tar'], undefined],
  [['-o', 'type=oci,dest=a.tar,oci-mediatypes=false'], undefined],
];

for (const [flags, layout] of told) {
  test(
    `the layout that a manifest tells is ${layout ?? 'none'}, and its configuration has no word of it: ${flags.join(' ')}`,
    needs,
    async () => {
      using box = prepared();
      await box.tsbuild(...flags, 'c').succeeds();
      const { manifest, config } = await readImage(box.at('a.tar'));
      assert.equal(manifest.annotations?.[annotation], layout);
      assert.doesNotMatch(JSON.stringify(config), /layout/);
    },
  );
}

test('files without an image have their layout in the metadata file', needs, async () => {
  using box = prepared();
  for (const output of ['type=local,dest=out', 'type=tar,dest=out.tar']) {
    await box.tsbuild('-o', output, '--metadata-file', 'meta.json', 'c').succeeds();
    assert.deepEqual(JSON.parse(readFileSync(box.at('meta.json'), 'utf8')), { 'tsbuild.layout': 1 });
  }
});

test('an image of the store tells its layout, and leaves by it', needs, async () => {
  using box = prepared();
  await box.tsbuild('-t', 'x', '-o', 'type=oci,dest=a.tar', '-o', 'type=image', 'c').succeeds();
  const { stdout } = await box.tsbuild('inspect', 'x').succeeds();
  assert.match(stdout, /"io\.tsbuild\.layout": "1"/);
  const { manifestDigest } = await readImage(box.at('a.tar'));
  for (const flags of [[], ['--layout', '1']]) {
    await box.tsbuild('save', '--format', 'oci-archive', ...flags, '-o', 'saved.tar', 'x').succeeds();
    assert.equal((await readImage(box.at('saved.tar'))).manifestDigest, manifestDigest);
  }
});

test('an image with the media types of Docker gets the annotation when it leaves with those of OCI', needs, async () => {
  using box = prepared();
  await box.tsbuild('-o', 'type=oci,dest=a.tar', 'c').succeeds();
  await box.tsbuild('--format', 'docker', '-t', 'x', 'c').succeeds();
  await box.tsbuild('copy', '--format', 'oci', 'store:x', 'oci-archive:b.tar').succeeds();
  assert.equal((await readImage(box.at('b.tar'))).manifestDigest, (await readImage(box.at('a.tar'))).manifestDigest);
});

interface Index {
  readonly manifests: readonly [{ readonly digest: string; readonly size: number }];
}

/** Gives the manifest of an image layout another layout, or none. */
function tell(box: Sandbox, layout: string | undefined): void {
  const text = (name: string): string => readFileSync(box.at('a', name), 'utf8');
  const index: Index = JSON.parse(text('index.json'));
  const blob = (digest: string): string => `blobs/${digest.replace(':', '/')}`;
  const manifest: object = JSON.parse(text(blob(index.manifests[0].digest)));
  const bytes = JSON.stringify({ ...manifest, annotations: layout && { [annotation]: layout } });
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  writeFileSync(box.at('a', blob(digest)), bytes);
  writeFileSync(
    box.at('a/index.json'),
    JSON.stringify({ ...index, manifests: [{ ...index.manifests[0], digest, size: bytes.length }] }),
  );
}

/** An image layout, made by a version that has another layout, or that knew of none. */
async function madeElsewhere(layout: string | undefined): Promise<Sandbox> {
  const box = prepared();
  await box.tsbuild('-o', 'type=oci,tar=false,dest=a', 'c').succeeds();
  tell(box, layout);
  return box;
}

const anew = ['--compression', 'uncompressed', '--force-compression'];

test('an image with a newer layout is copied as it is, and compressed anew only by a layout that is named', needs, async () => {
  using box = await madeElsewhere('9');
  await box.tsbuild('copy', 'oci:a', 'oci-archive:same.tar').succeeds();
  assert.equal((await readImage(box.at('same.tar'))).manifest.annotations?.[annotation], '9');
  await box.tsbuild('copy', ...anew, 'oci:a', 'oci-archive:b.tar').fails({
    exit: 2,
    stderr:
      /error: Cannot compress layers of the image: it has layout "9", which this version does not know\nhint: Use the version that made it/,
  });
  await box.tsbuild('copy', ...anew, '--layout', '1', 'oci:a', 'oci-archive:b.tar').succeeds();
  assert.equal((await readImage(box.at('b.tar'))).manifest.annotations?.[annotation], '1');
});

test('an image that tells no layout gets the newest one where layers are compressed anew, and none else', needs, async () => {
  using box = await madeElsewhere(undefined);
  await box.tsbuild('copy', '--force-compression', 'oci:a', 'oci-archive:same.tar').succeeds();
  assert.equal((await readImage(box.at('same.tar'))).manifest.annotations, undefined);
  await box.tsbuild('copy', ...anew, 'oci:a', 'oci-archive:b.tar').succeeds();
  assert.deepEqual((await readImage(box.at('b.tar'))).manifest.annotations, { [annotation]: '1' });
});

const blocks = [...readFileSync(join(repositoryRoot, 'docs/reproducible.md'), 'utf8').matchAll(/^```sh\n(.*?)^```$/gms)];

test('a rebuild is checked with the commands of docs/reproducible.md', needs, async () => {
  assert.equal(blocks.length, 2);
  for (const [, block = ''] of blocks) {
    using box = prepared();
    const [node, program] = programCommand();
    const script = `tsbuild() { "${node}" "${program}" "$@"; }\n${block}`;
    await box.run(['sh', '-ec', script], { cwd: 'c' }).succeeds();
  }
});
