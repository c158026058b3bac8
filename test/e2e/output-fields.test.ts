import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { lstatSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { readImage } from '../support/image-archive.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids');
const constant = 315_619_200;

function prepared(): Sandbox {
  return sandbox().file('c/Containerfile', 'FROM scratch\nCOPY f /\n').file('c/f', 'x');
}

interface Times {
  readonly created: number;
  readonly files: readonly (number | undefined)[];
}

async function timesIn(archive: string): Promise<Times> {
  const { config, layers } = await readImage(archive);
  const seconds = (date: Date | undefined): number | undefined => date && date.getTime() / 1000;
  const files = layers.flatMap((layer) => [...layer.values()].map(({ header }) => seconds(header.mtime)));
  return { created: Date.parse(config.created) / 1000, files };
}

const epochs: readonly [field: string, flags: readonly string[], expected: number][] = [
  ['', [], constant],
  ['', ['--source-date-epoch=1600000000'], 1_600_000_000],
  [',source-date-epoch=1500000000', [], 1_500_000_000],
  [',source-date-epoch=1500000000', ['--source-date-epoch=1600000000'], 1_500_000_000],
  [',source-date-epoch=0', [], 0],
  [',source-date-epoch=', ['--source-date-epoch=1600000000'], constant],
  [',source-date-epoch=1500000000,rewrite-timestamp=true', [], 1_500_000_000],
  [',rewrite-timestamp=true', [], constant],
];

for (const [field, flags, expected] of epochs) {
  test(`type=oci${field} with ${flags.join(' ') || 'no flag'} carries ${expected}`, needs, async () => {
    using box = prepared();
    await box.tsbuild(...flags, '-o', `type=oci,dest=o.tar${field}`, 'c').succeeds();
    assert.deepEqual(await timesIn(box.at('o.tar')), { created: expected, files: [expected] });
  });
}

test('each output has its own time', needs, async () => {
  using box = prepared();
  const oci = (name: string, more = ''): readonly string[] => ['-o', `type=oci,dest=${name}${more}`];
  const files = [
    '-o',
    'type=local,dest=out,source-date-epoch=1300000000',
    '-o',
    'type=tar,dest=f.tar,source-date-epoch=1200000000',
  ];
  const later = oci('b.tar', ',source-date-epoch=1400000000');
  await box.tsbuild('--source-date-epoch=1600000000', ...oci('a.tar'), ...later, ...files, 'c').succeeds();
  assert.equal((await timesIn(box.at('a.tar'))).created, 1_600_000_000);
  assert.equal((await timesIn(box.at('b.tar'))).created, 1_400_000_000);
  assert.equal(lstatSync(box.at('out/f')).mtimeMs, 1_300_000_000_000);
  const listed = execFileSync('tar', ['--full-time', '--utc', '-tvf', box.at('f.tar')], { encoding: 'utf8' });
  assert.match(listed, /2008-01-10 21:20:00/);
});

test('the field of an output makes the image that the flag makes', needs, async () => {
  using box = prepared();
  await box.tsbuild('--source-date-epoch=1600000000', '-o', 'type=oci,dest=a.tar', 'c').succeeds();
  await box.tsbuild('-o', 'type=oci,dest=b.tar,source-date-epoch=1600000000', 'c').succeeds();
  assert.deepEqual(readFileSync(box.at('b.tar')), readFileSync(box.at('a.tar')));
});

// containerd and nerdctl find an image by this name alone.
const names: readonly [given: string, full: string][] = [
  ['org/repo:tag1', 'docker.io/org/repo:tag1'],
  ['repo', 'docker.io/library/repo:latest'],
  ['localhost:5000/repo:1', 'localhost:5000/repo:1'],
];

for (const [given, full] of names) {
  test(`an image has the name ${full} however ${given} was given`, needs, async () => {
    using box = prepared();
    await box.tsbuild('-t', given, '-o', 'type=oci,dest=a.tar', 'c').succeeds();
    await box.tsbuild('-o', `type=oci,dest=b.tar,name=${given}`, 'c').succeeds();
    assert.deepEqual((await readImage(box.at('b.tar'))).names, [full]);
    assert.deepEqual(readFileSync(box.at('b.tar')), readFileSync(box.at('a.tar')));
    await box.tsbuild('-t', 'other', '-o', `type=docker,dest=c.tar,name=${given}`, 'c').succeeds();
    const manifest = execFileSync('tar', ['-xOf', box.at('c.tar'), 'manifest.json'], { encoding: 'utf8' });
    assert.deepEqual(JSON.parse(manifest)[0].RepoTags, [full]);
  });
}
