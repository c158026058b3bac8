import assert from 'node:assert/strict';
import { lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { test } from 'node:test';
import { readImage, readTarFiles } from '../support/image-archive.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids');

function prepared(): Sandbox {
  return sandbox()
    .file('c/Containerfile', 'FROM scratch\nCOPY --chown=12:34 app /bin/app\nCOPY empty /empty\n')
    .file('c/app', 'program', { mode: 0o755 })
    .folder('c/empty');
}

test('--output type=oci writes an archive, to a file and to standard output', needs, async () => {
  using box = prepared();
  await box.tsbuild('-o', 'type=oci,dest=a.tar', 'c').succeeds();
  const { stdoutBytes } = await box.tsbuild('-o', 'type=oci,dest=-', 'c').succeeds();
  assert.deepEqual(stdoutBytes, readFileSync(box.at('a.tar')));
  assert.equal((await readImage(stdoutBytes)).layers.length, 2);
});

test('--output type=oci,tar=false writes a folder', needs, async () => {
  using box = prepared();
  await box.tsbuild('-t', 'x:1', '-o', 'type=oci,tar=false,dest=layout', 'c').succeeds();
  assert.deepEqual(readdirSync(box.at('layout')).toSorted(), ['blobs', 'index.json', 'oci-layout']);
  assert.equal(readdirSync(box.at('layout/blobs/sha256')).length, 4);
});

test('--output type=docker writes an archive with manifest.json', needs, async () => {
  using box = prepared();
  await box.tsbuild('-t', 'x:1', '-o', 'type=docker,dest=d.tar', 'c').succeeds();
  const files = await readTarFiles(box.at('d.tar'));
  const [manifest]: { RepoTags: string[]; Layers: string[]; Config: string }[] = JSON.parse(
    files.get('manifest.json')?.content.toString() ?? '',
  );
  assert.deepEqual(manifest?.RepoTags, ['docker.io/library/x:1']);
  assert.deepEqual(
    [...(manifest?.Layers ?? []), manifest?.Config ?? ''].filter((name) => !files.has(name)),
    [],
  );
});

test('--output type=local writes the files, owned by the user', needs, async () => {
  using box = prepared();
  await box.tsbuild('-o', 'out', 'c').succeeds();
  assert.deepEqual(readdirSync(box.at('out')).toSorted(), ['bin', 'empty']);
  const status = statSync(box.at('out/bin/app'));
  assert.deepEqual([status.uid, status.mode & 0o777], [box.user.uid, 0o755]);
  assert.equal(readFileSync(box.at('out/bin/app'), 'utf8'), 'program');
});

test('--output type=local adds to a folder that is there', needs, async () => {
  using box = prepared().file('out/kept', 'k').file('out/bin/app', 'old');
  await box.tsbuild('-o', 'type=local,dest=out', 'c').succeeds();
  assert.deepEqual(readdirSync(box.at('out')).toSorted(), ['bin', 'empty', 'kept']);
  assert.equal(readFileSync(box.at('out/bin/app'), 'utf8'), 'program');
});

test('--output type=tar writes the files with their owners', needs, async () => {
  using box = prepared();
  await box.tsbuild('-o', 'type=tar,dest=files.tar', 'c').succeeds();
  const files = await readTarFiles(box.at('files.tar'));
  assert.deepEqual([...files.keys()].toSorted(), ['bin', 'bin/app', 'empty']);
  const { uid, gid, mode } = files.get('bin/app')?.header ?? {};
  assert.deepEqual({ uid, gid, mode }, { uid: 12, gid: 34, mode: 0o755 });
  const { stdoutBytes } = await box.tsbuild('-o', '-', 'c').succeeds();
  assert.deepEqual(stdoutBytes, readFileSync(box.at('files.tar')));
});

test('several outputs come from one build', needs, async () => {
  using box = prepared();
  await box.tsbuild('-o', 'type=oci,dest=a.tar', '-o', 'type=docker,dest=b.tar', '-o', 'out', 'c').succeeds();
  for (const name of ['a.tar', 'b.tar', 'out']) assert.ok(lstatSync(box.at(name)));
});

test('--iidfile, --metadata-file and -q tell the same digests', needs, async () => {
  using box = prepared();
  const { stdout, stderr } = await box
    .tsbuild('-q', '-t', 'x:1', '--iidfile', 'iid', '--metadata-file', 'meta.json', '-o', 'type=oci,dest=a.tar', 'c')
    .succeeds();
  const { manifest, manifestDigest } = await readImage(box.at('a.tar'));
  assert.equal(stderr, '');
  assert.equal(stdout, `${manifest.config.digest}\n`);
  assert.equal(readFileSync(box.at('iid'), 'utf8'), manifest.config.digest);
  const metadata: Record<string, unknown> = JSON.parse(readFileSync(box.at('meta.json'), 'utf8'));
  assert.equal(metadata['containerimage.digest'], manifestDigest);
  assert.equal(metadata['containerimage.config.digest'], manifest.config.digest);
  assert.equal(metadata['image.name'], 'docker.io/library/x:1');
});

test('a build that fails leaves no output', needs, async () => {
  using box = prepared();
  box.file('bad/Containerfile', 'FROM scratch\nCOPY nothing /\n').folder('here');
  await box.tsbuild('-o', 'type=oci,dest=here/a.tar', '-o', 'here/out', '--iidfile', 'here/iid', 'bad').fails({ exit: 1 });
  assert.deepEqual(readdirSync(box.at('here')), []);
});

test('an output that cannot be written is an error that names it', needs, async () => {
  using box = prepared();
  await box
    .tsbuild('-o', 'type=oci,dest=missing/a.tar', 'c')
    .fails({ exit: 5, stderr: [/Cannot write "missing\/a\.tar"/, /hint: .*mkdir -p missing/] });
});

test('a name that is given twice is told once', needs, async () => {
  using box = prepared();
  const { stderr } = await box.tsbuild('-t', 'x:1', '-t', 'x:1', '-t', 'x:2', 'c').succeeds();
  assert.deepEqual(
    [...stderr.matchAll(/kept sha256:\w+ in the store as (\S+)/g)].map(([, name]) => name),
    ['x:1', 'x:2'],
  );
});
