import assert from 'node:assert/strict';
import { existsSync, lstatSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { FakeRegistry } from '../support/fake-registry.ts';
import { readImage } from '../support/image-archive.ts';
import { blobPath, digestOf, type WrittenImage, writeBusyboxLayout } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

// What is damaged in a store is found where it is used, made or fetched again, or told with a cure; and "store verify" finds the rest.

shareProcess();

const needs = requires('user:subids', 'tool:busybox');
let registry: FakeRegistry;
let base: WrittenImage;

before(async () => {
  registry = await FakeRegistry.start();
  using box = sandbox();
  base = await writeBusyboxLayout(box.at('base'), { layers: [] });
  const blob = (digest = ''): Buffer => readFileSync(blobPath(box.at('base'), digest));
  for (const digest of [base.configDigest, ...base.layerDigests]) registry.addBlob('base', blob(digest));
  registry.addManifest('base', '1', { bytes: blob(base.manifestDigest), type: 'application/vnd.oci.image.manifest.v1+json' });
});
after(() => registry[Symbol.asyncDispose]());

function files(box: Sandbox, pattern: RegExp): readonly string[] {
  return readdirSync(box.store, { recursive: true, encoding: 'utf8' })
    .filter((name) => pattern.test(name) && lstatSync(join(box.store, name)).isFile())
    .map((name) => join(box.store, name));
}

/** Other bytes of the same length. */
function spoil(path = ''): void {
  const bytes = readFileSync(path);
  assert.notEqual(bytes.length, 0, path);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

function blobOf(box: Sandbox, digest = ''): string {
  return join(box.store, 'blobs', digest.replace(':', '/'));
}

async function built(text: string, ...more: readonly string[]): Promise<Sandbox> {
  const box = sandbox();
  box.file('c/Containerfile', text.replaceAll('BASE', `${registry.host}/base:1`)).file('c/f', 'f');
  await box.tsbuild('-q', ...more, 'c').succeeds();
  return box;
}

const made = /^snapshots\/[^/]+\/fs\/made$/;
const twoSteps = 'FROM BASE\nRUN echo right > /made\nRUN cat /made > /copy\n';

async function archived(box: Sandbox, ...args: readonly string[]): ReturnType<typeof readImage> {
  return readImage((await box.tsbuild(...args, '-o', 'type=oci,dest=-', 'c').succeeds()).stdoutBytes);
}

test('a changed file of a layer makes its step run again, and those after it, within the same build', needs, async () => {
  using box = await built(twoSteps, '-t', 'kept');
  const right = (await archived(box)).manifestDigest;
  rmSync(join(box.store, 'layers'), { recursive: true });
  box.folder('store/layers');
  spoil(files(box, made)[0]);
  const outcome = await box.tsbuild('-o', 'type=oci,dest=-', 'c').succeeds();
  assert.match(outcome.stderr, /The store was damaged: Cannot use layer sha256:\w+ of the store: its files were changed/);
  assert.equal((await readImage(outcome.stdoutBytes)).manifestDigest, right);
});

test('a step that worked on a changed file is not believed later', needs, async () => {
  using box = await built('FROM BASE\nRUN echo right > /made\n');
  writeFileSync(files(box, made)[0] ?? '', 'WRONG\n');
  box.file('c/Containerfile', twoSteps.replace('BASE', `${registry.host}/base:1`));
  const image = await archived(box);
  assert.equal(image.layers.at(-1)?.get('copy')?.content.toString(), 'right\n');
});

for (const [what, args] of [
  ['--no-cache', ['--no-cache', '-o', 'out']],
  ['a local output', ['-o', 'out']],
  ['--squash', ['--squash', '-o', 'out']],
  ['--squash-all', ['--squash-all', '-o', 'out']],
] as const) {
  test(`${what} gives the right files though the store has others`, needs, async () => {
    using box = await built(twoSteps, '-t', 'kept');
    writeFileSync(files(box, made)[0] ?? '', 'WRONG\n');
    await box.tsbuild(...args, 'c').succeeds();
    assert.equal(readFileSync(box.at('out/made'), 'utf8'), 'right\n');
    assert.equal(readFileSync(box.at('out/copy'), 'utf8'), 'right\n');
    const { stdout } = await box.tsbuild('store', 'verify').succeeds();
    assert.match(stdout, /no damage/);
  });
}

test('an epoch, which gives another digest, hides no change', needs, async () => {
  using box = await built(twoSteps, '-t', 'kept');
  writeFileSync(files(box, made)[0] ?? '', 'WRONG\n');
  const image = await archived(box, '--source-date-epoch', '7');
  assert.equal(image.layers[1]?.get('made')?.content.toString(), 'right\n');
});

test('COPY takes no changed file from a stage that is no part of the image', needs, async () => {
  const stage = 'FROM BASE AS stage\nRUN echo right > /made\n';
  using box = await built(`${stage}FROM scratch\nCOPY f /f\n`, '--target', 'stage', '-o', 'type=none');
  writeFileSync(files(box, made)[0] ?? '', 'WRONG\n');
  for (const last of ['COPY --from=stage /made /taken\n', 'COPY --from=stage /made /taken\nRUN ["/x"]\n']) {
    box.file('c/Containerfile', `${stage}FROM scratch\n${last}`.replace('BASE', `${registry.host}/base:1`));
    const outcome = box.tsbuild('-o', 'type=oci,dest=a.tar', 'c');
    if (last.includes('RUN')) await outcome.fails({ exit: 1 });
    else await outcome.succeeds();
  }
  assert.equal((await readImage(box.at('a.tar'))).layers[0]?.get('taken')?.content.toString(), 'right\n');
});

test('a step that had a changed file mounted is not believed any more when the change was found', needs, async () => {
  const stage = 'FROM BASE AS stage\nRUN echo right > /made\n';
  using box = await built(stage, '--target', 'stage', '-o', 'type=none');
  writeFileSync(files(box, made)[0] ?? '', 'WRONG\n');
  const reader = 'FROM BASE\nRUN --mount=from=stage,target=/m cat /m/made > /copy\n';
  box.file('c/Containerfile', `${stage}${reader}`.replaceAll('BASE', `${registry.host}/base:1`));
  await box.tsbuild('-t', 'kept', 'c').succeeds();
  await box.tsbuild('store', 'verify', '--repair').succeeds();
  assert.equal((await archived(box)).layers[1]?.get('copy')?.content.toString(), 'right\n');
});

test('COPY takes no changed file from a base image', needs, async () => {
  using box = await built('FROM BASE\nRUN true\n');
  spoil(files(box, /^snapshots\/[^/]+\/fs\/etc\/passwd$/)[0]);
  box.file('c/Containerfile', `FROM scratch\nCOPY --from=${registry.host}/base:1 /etc/passwd /etc/group /\n`);
  const image = await archived(box);
  assert.match(
    image.layers[0]?.get('passwd')?.content.toString() ?? '',
    /^root:x:0:0:root:\/root:\/bin\/sh\napp:x:1000:1000:app/,
  );
});

test('--pull=always compares the files of a base image with its layers', needs, async () => {
  using box = await built('FROM BASE\nRUN true\n');
  spoil(files(box, /^snapshots\/[^/]+\/fs\/etc\/passwd$/)[0]);
  box.file('c/Containerfile', `FROM ${registry.host}/base:1\nRUN cat /etc/passwd > /taken\n`);
  const image = await archived(box, '--pull=always');
  assert.match(image.layers[1]?.get('taken')?.content.toString() ?? '', /app:x:1000:1000:app:\/home\/app:\/bin\/sh/);
});

test('a base image whose program is gone is unpacked again', needs, async () => {
  using box = await built('FROM BASE\nRUN true\n');
  for (const path of files(box, /^snapshots\/[^/]+\/fs\/bin\//)) rmSync(path);
  box.file('c/Containerfile', `FROM ${registry.host}/base:1\nRUN echo again > /again\n`);
  await box.tsbuild('-o', 'type=none', 'c').succeeds();
});

for (const [what, damage] of [
  ['flipped', spoil],
  ['cut', (path: string): void => truncateSync(path, 1000)],
  ['gone', (path: string): void => rmSync(path)],
] as const) {
  test(`a layer blob that is ${what} is fetched again by builds and by pull, and save names the cure`, needs, async () => {
    using box = await built('FROM BASE\nRUN echo right > /made\n', '-t', 'kept');
    const blob = blobOf(box, base.layerDigests[0]);
    const right = (await archived(box)).manifestDigest;
    damage(blob);
    assert.equal((await archived(box)).manifestDigest, right);
    damage(blob);
    const failed = await box.tsbuild('save', '-o', 'kept.tar', 'kept').fails({
      exit: 5,
      stderr: [
        /image "docker\.io\/library\/kept:latest"/,
        new RegExp(base.layerDigests[0] ?? ''),
        /^hint: .*"tsbuild pull [^"]+\/base[:@][^"]+"/m,
      ],
    });
    assert.equal(existsSync(box.at('kept.tar')), false);
    const [, name = ''] = /"tsbuild pull ([^"]+)"/.exec(failed.stderr) ?? [];
    await box.tsbuild('pull', name).succeeds();
    const { stdoutBytes } = await box.tsbuild('save', '--format', 'oci-archive', 'kept').succeeds();
    assert.equal((await readImage(stdoutBytes)).manifestDigest, right);
    if (what === 'gone') return;
    damage(blob);
    await box.tsbuild('pull', `${registry.host}/base:1`).succeeds();
    assert.equal(digestOf(readFileSync(blob)), base.layerDigests[0]);
    damage(blob);
    await box.tsbuild('--pull=always', '-t', 'kept', 'c').succeeds();
    assert.equal(digestOf(readFileSync(blob)), base.layerDigests[0]);
  });
}

test('an image that was made here and is damaged is not taken from a registry', needs, async () => {
  using box = await built('FROM BASE\nRUN echo right > /made\n', '-t', 'kept');
  const { stdout } = await box.tsbuild('inspect', 'kept').succeeds();
  const [{ images = [] } = {}]: { images?: { manifest: { config: { digest: string } } }[] }[] = JSON.parse(stdout);
  spoil(blobOf(box, images[0]?.manifest.config.digest));
  box.file('d/Containerfile', 'FROM kept\nLABEL a=b\n');
  await box
    .tsbuild('d')
    .fails({ exit: 5, stderr: [/Cannot use image "kept:latest": /, /^hint: Build or load "kept:latest" again/m] });
  await box.tsbuild('-t', 'kept', 'c').succeeds();
  await box.tsbuild('d').succeeds();
});

test('a base image whose configuration was changed is fetched again', needs, async () => {
  using box = await built('FROM BASE\nLABEL a=b\n');
  const right = (await archived(box)).config.config;
  const path = blobOf(box, base.configDigest);
  writeFileSync(path, readFileSync(path, 'utf8').replace('PATH=/usr/bin', 'PATH=/usr/bXn'));
  const { stderr, stdoutBytes } = await box.tsbuild('-o', 'type=oci,dest=-', 'c').succeeds();
  assert.match(stderr, /is damaged in the store and is fetched again/);
  assert.deepEqual((await readImage(stdoutBytes)).config.config, right);
});

test('a step record of another step is none', needs, async () => {
  using box = await built(twoSteps, '-t', 'kept');
  const right = (await archived(box)).manifestDigest;
  const [first = '', second = ''] = files(box, /^steps\//);
  const [one, two] = [readFileSync(first), readFileSync(second)];
  writeFileSync(first, two);
  writeFileSync(second, one);
  assert.equal((await archived(box)).manifestDigest, right);
});

test('a build from standard input cannot begin again, and says what to do', needs, async () => {
  using box = await built('FROM BASE\nRUN echo right > /made\n');
  const { stdoutBytes: tar } = await box.run(['tar', '-C', 'c', '-cf', '-', '.']).succeeds();
  const args = ['-o', 'type=oci,dest=a.tar', '-'] as const;
  writeFileSync(files(box, made)[0] ?? '', 'WRONG\n');
  await box.tsbuildWith({ stdin: tar }, ...args).fails({ exit: 5, stderr: /^hint: .*build/m });
  await box.tsbuildWith({ stdin: tar }, ...args).succeeds();
  assert.equal((await readImage(box.at('a.tar'))).layers[1]?.get('made')?.content.toString(), 'right\n');
});

test('store verify finds what is damaged, and --repair removes it', needs, async () => {
  using box = await built(twoSteps, '-t', 'kept', '-o', 'type=image,name=kept', '-o', 'type=oci,dest=a.tar');
  const { stdout: fine } = await box.tsbuild('store', 'verify').succeeds();
  assert.match(fine, /^\d+ blobs, 3 snapshots, \d+ records: no damage\n$/);
  spoil(files(box, made)[0]);
  spoil(blobOf(box, base.layerDigests[0]));
  spoil(files(box, /^steps\//)[0]);
  const { stdout: quick } = await box.tsbuild('store', 'verify', '--quick').fails({ exit: 5 });
  assert.match(quick, /^damaged: the record /m);
  assert.doesNotMatch(quick, /the files of layer/);
  const { stdout: json } = await box.tsbuild('store', 'verify', '--json').fails({ exit: 5 });
  const report: { damaged: { kind: string }[]; incompleteImages: { name: string }[] } = JSON.parse(json);
  assert.deepEqual(report.damaged.map(({ kind }) => kind).toSorted(), ['blob', 'snapshot', 'step']);
  assert.deepEqual(
    report.incompleteImages.map(({ name }) => name),
    ['docker.io/library/kept:latest'],
  );
  const { stdout: repaired } = await box.tsbuild('store', 'verify', '--repair').succeeds();
  assert.match(repaired, /^removed: the files of layer sha256:/m);
  assert.match(repaired, /^incomplete: image "docker\.io\/library\/kept:latest": .* lost.*; build, load or pull it again/m);
  await box.tsbuild('-t', 'kept', 'c').succeeds();
  const { stdout: healed } = await box.tsbuild('store', 'verify').succeeds();
  assert.match(healed, /no damage/);
});

test('store verify --repair writes a damaged version again, and images stay', needs, async () => {
  using box = await built('FROM scratch\nCOPY f /f\n', '-t', 'kept');
  writeFileSync(join(box.store, 'version'), 'x');
  await box.tsbuild('images').fails({ exit: 5, stderr: /^hint: Run "tsbuild store verify --repair"/m });
  await box.tsbuild('store', 'verify', '--repair').succeeds();
  assert.match((await box.tsbuild('images').succeeds()).stdout, /library\/kept/);
  box.folder('other').file('other/version', 'x').file('other/mine', 'mine');
  await box.tsbuild('store', 'verify', '--repair', '--store', 'other').fails({ exit: 5 });
  assert.equal(readFileSync(box.at('other/mine'), 'utf8'), 'mine');
});

test('store verify ends at once when it is told to', needs, async () => {
  using box = await built('FROM BASE\nRUN dd if=/dev/zero of=/big bs=1M count=300 2> /dev/null\n', '-t', 'kept');
  const outcome = box.tsbuildWith({ isAlone: true }, 'store', 'verify');
  await outcome.shows(/^blobs: /m);
  const startedMs = performance.now();
  outcome.child.kill('SIGINT');
  await outcome.fails({ exit: 130 });
  assert.ok(performance.now() - startedMs < 20_000);
  assert.deepEqual(readdirSync(join(box.store, 'tmp')), []);
});

test('store takes du and prune too', needs, async () => {
  using box = await built('FROM scratch\nCOPY f /f\n', '-o', 'type=none');
  assert.equal((await box.tsbuild('store', 'du').succeeds()).stdout, (await box.tsbuild('du').succeeds()).stdout);
  await box.tsbuild('store', 'prune', '--all').succeeds();
  assert.match((await box.tsbuild('store').succeeds()).stdout, /verify/);
  await box.tsbuild('store', 'verfy').fails({ exit: 2, stderr: /Did you mean "verify"/ });
  assert.ok(statSync(box.store).isDirectory());
});
