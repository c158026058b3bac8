import assert from 'node:assert/strict';
import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readImage } from '../support/image-archive.ts';
import { writeBusyboxLayout } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

// A COPY that ends the target is kept as its tar, and becomes a folder when somebody needs the files.

shareProcess();

const needs = requires('user:subids', 'tool:busybox');
const base = ['--build-context', 'base=oci-layout://base'];

async function prepared(): Promise<Sandbox> {
  const box = sandbox();
  await writeBusyboxLayout(box.at('base'));
  return box
    .file('c/Containerfile', 'FROM base\nCOPY --chown=7:8 tree /srv/tree\n')
    .file('c/tree/a/b', 'text')
    .file('c/tree/run', '#!/bin/sh\n', { mode: 0o755 })
    .file('c/tree/zeros', Buffer.alloc(3 << 20))
    .link('c/tree/l', 'a/b')
    .file('next/Containerfile', 'FROM app\nRUN cd /srv/tree && stat -c "%n %a %u %g %Y" . a a/b run && cat l && wc -c < zeros\n');
}

/** How the layers that were made here are kept, sorted. */
function kept(box: Sandbox): readonly string[] {
  const snapshots = join(box.store, 'snapshots');
  const forms = readdirSync(snapshots).map((name) =>
    readdirSync(join(snapshots, name))
      .filter((file) => file === 'fs' || file === 'layer.tar')
      .join(),
  );
  return forms.toSorted();
}

async function digestOf(box: Sandbox, ...args: readonly string[]): Promise<string> {
  await box.tsbuild(...base, '-o', 'type=oci,dest=o.tar', ...args, 'c').succeeds();
  return (await readImage(box.at('o.tar'))).manifestDigest;
}

test('a COPY at the end is packed, and its image is the same as from files', needs, async () => {
  using box = await prepared();
  const packed = await digestOf(box);
  assert.deepEqual(kept(box), ['fs', 'layer.tar']);
  assert.deepEqual(await digestOf(box), packed);
  using other = await prepared();
  await other.tsbuild(...base, '-o', 'files', 'c').succeeds();
  assert.deepEqual(kept(other), ['fs', 'fs']);
  assert.deepEqual(await digestOf(other), packed);
});

const forms = ['compression=uncompressed', 'compression=gzip', 'compression=zstd', 'compression=gzip,compression-level=9'];

// A tar begins with a name.
for (const [title, name] of [
  ['bzip2', 'BZh9'],
  ['gzip', '\x1f\x8b\x08'],
  ['xz', '\xfd7zXZ'],
] as const) {
  for (const output of ['type=none', 'type=oci,dest=first.tar']) {
    test(`a packed layer whose first name looks like ${title} can leave and be unpacked after ${output}`, needs, async () => {
      using box = (await prepared()).file('c/Containerfile', 'FROM scratch\nCOPY named /\n').folder('c/named');
      writeFileSync(Buffer.from(`${box.at('c/named')}/${name}`, 'latin1'), 'text', { mode: 0o644 });
      await box.tsbuild(...base, '-o', output, 'c').succeeds();
      await box.tsbuild(...base, '-o', 'type=oci,dest=o.tar', 'c').succeeds();
      await box.tsbuild(...base, '-o', 'type=oci,dest=z.tar,compression=zstd', 'c').succeeds();
      const stages = 'FROM scratch AS named\nCOPY named /\nFROM base\nCOPY --from=named / /n/\nRUN cat /n/*\n';
      const { stderr } = await box
        .file('c/Containerfile', stages)
        .tsbuild(...base, 'c')
        .succeeds();
      assert.match(stderr, /text/);
      assert.doesNotMatch(stderr, /damaged/);
    });
  }
}

test('a layer that leaves in several forms at once is what it is in each of them alone', needs, async () => {
  using box = await prepared();
  await box.tsbuild(...base, ...forms.flatMap((form, index) => ['-o', `type=oci,dest=${index}.tar,${form}`]), 'c').succeeds();
  for (const [index, form] of forms.entries()) {
    using alone = await prepared();
    await alone.tsbuild(...base, '-o', `type=oci,dest=o.tar,${form}`, 'c').succeeds();
    const expected = await readImage(alone.at('o.tar'));
    assert.equal((await readImage(box.at(`${index}.tar`))).manifestDigest, expected.manifestDigest, form);
  }
});

test('a layer that left compressed is one file with its blob, which is made of it again when it is gone', needs, async () => {
  using box = await prepared();
  const digest = await digestOf(box);
  const blobs = readdirSync(join(box.store, 'blobs/sha256')).map((name) => join(box.store, 'blobs/sha256', name));
  const [shared, ...more] = blobs.filter((blob) => statSync(blob).nlink === 2);
  assert.ok(shared !== undefined && more.length === 0);
  rmSync(shared);
  assert.equal(await digestOf(box), digest);
  assert.ok(statSync(shared).isFile());
  await box.tsbuild('store', 'verify').succeeds();
});

test('a layer that left compressed becomes a folder for a RUN on top of it', needs, async () => {
  using box = await prepared();
  await digestOf(box);
  const run = 'RUN cd /srv/tree && stat -c "%n %a %u %g %Y" . a a/b run && cat l && wc -c < zeros';
  box.file('c/Containerfile', `FROM base\nCOPY --chown=7:8 tree /srv/tree\n${run}\n`);
  const { stderr } = await box.tsbuild(...base, '-o', 'type=oci,dest=next.tar', 'c').succeeds();
  for (const line of ['. 755 7 8 315619200', 'a/b 644 7 8 315619200', 'run 755 7 8 315619200', 'text3145728']) {
    assert.ok(stderr.includes(line), `${line}\n${stderr}`);
  }
  assert.deepEqual(kept(box), ['fs', 'fs', 'fs']);
});

test('a packed layer becomes a folder for a RUN on top of it', needs, async () => {
  using box = await prepared();
  await box.tsbuild(...base, '-t', 'app', 'c').succeeds();
  assert.deepEqual(kept(box), ['fs', 'layer.tar']);
  const { stderr } = await box.tsbuild('--pull=never', 'next').succeeds();
  for (const line of ['. 755 7 8 315619200', 'a/b 644 7 8 315619200', 'run 755 7 8 315619200', 'text3145728']) {
    assert.ok(stderr.includes(line), `${line}\n${stderr}`);
  }
  assert.deepEqual(kept(box), ['fs', 'fs', 'fs']);
  await box.tsbuild('save', '-o', 'app.tar', 'app').succeeds();
});

test('a COPY of many files is packed, and unpacked for the RUN of the same build', needs, async () => {
  using box = await prepared();
  for (let number = 0; number < 600; number++) box.file(`c/tree/many/${number % 7}/${number}`, `text ${number}`);
  const run = 'RUN cd /srv/tree && find many -type f | wc -l && cat many/3/598 && stat -c "%n %a %u %g %Y" many/3 many/3/598 run';
  box.file('more', `FROM base\nCOPY --chown=7:8 tree /srv/tree\n${run}\n`);
  const { stderr } = await box.tsbuild(...base, '-f', 'more', 'c').succeeds();
  const lines = ['600', 'text 598', 'many/3 755 7 8 315619200', 'many/3/598 644 7 8 315619200', 'run 755 7 8 315619200'];
  for (const line of lines) assert.ok(stderr.includes(line), `${line}\n${stderr}`);
  assert.match(stderr, /^(#\d+) \[3\/3\] RUN .*\n\1 unpacking sha256:/m);
  assert.deepEqual(kept(box), ['fs', 'fs', 'fs']);
  // The layer is the one that is made where it is not unpacked.
  using other = await prepared();
  for (let number = 0; number < 600; number++) other.file(`c/tree/many/${number % 7}/${number}`, `text ${number}`);
  assert.equal(await digestOf(box), await digestOf(other));
});

test('an epoch changes the times of a packed layer', needs, async () => {
  using box = await prepared();
  const plain = await digestOf(box);
  const later = await digestOf(box, '--source-date-epoch', '1000000000');
  assert.notEqual(later, plain);
  using other = await prepared();
  assert.equal(await digestOf(other, '--source-date-epoch', '1000000000'), later);
});

test('a packed layer becomes a folder for a stage, a mount and an output', needs, async () => {
  using box = await prepared();
  await digestOf(box);
  const stages =
    'FROM base AS files\nCOPY --chown=7:8 tree /srv/tree\nFROM base\nRUN --mount=from=files,source=/srv,target=/m cp -R /m/tree /\n';
  box.file('c/Containerfile', `${stages}COPY --from=files /srv /srv\n`);
  await box.tsbuild(...base, '-o', 'type=local,dest=out', 'c').succeeds();
  await box.run(['cmp', 'out/srv/tree/zeros', 'c/tree/zeros']).succeeds();
  await box.run(['cmp', 'out/tree/a/b', 'c/tree/a/b']).succeeds();
});

test('two builds that need the files of a packed layer at once both get them', needs, async () => {
  using box = await prepared();
  await box.tsbuild(...base, '-t', 'app', 'c').succeeds();
  await Promise.all(
    ['one', 'two', 'three'].map((name) => box.tsbuild('--pull=never', '--build-arg', `X=${name}`, '-t', name, 'next').succeeds()),
  );
  assert.ok(!kept(box).includes('layer.tar'));
});
