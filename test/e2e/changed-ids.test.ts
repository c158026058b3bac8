import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { layerTar, writeBusyboxLayout } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids', 'user-namespaces', 'tool:busybox', 'tool:newuidmap');

const base = ['--build-context', 'base=oci-layout://base'] as const;

/** How the same user has all ids, or one: newuidmap is not installed, or does not work. */
const ids = {
  all: {},
  one: { PATH: '/nonexistent' },
  refused: {},
} as const;

type Ids = keyof typeof ids;

async function prepared(): Promise<Sandbox> {
  const box = sandbox({ user: 'subids' });
  const owned = await layerTar([
    { name: 'var/', type: 'directory' },
    { name: 'var/deep/', type: 'directory', uid: 33, gid: 33 },
    { name: 'var/deep/file', uid: 33, gid: 33, content: 'x' },
    { name: 'var/owned', uid: 33, gid: 42, mode: 0o640, content: 'x' },
    { name: 'var/tool', gid: 42, mode: 0o2755, content: 'x' },
  ]);
  await writeBusyboxLayout(box.at('base'), { layers: [owned] });
  box
    .file('broken/newuidmap', '#!/bin/sh\nexit 1\n', { mode: 0o755 })
    .file('broken/newgidmap', '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  box.file(
    'c/Containerfile',
    `FROM base
RUN stat -c '%u:%g %a' /var/owned /var/tool > /seen; touch /new; chown 7:8 /new; stat -c '%u:%g' /new >> /seen
RUN --mount=type=cache,target=/cache touch /cache/f; stat -c '%u:%g' /cache/* > /cached; chown 5:6 /cache/f; true
COPY f /var/
`,
  );
  return box.file('c/f', 'f');
}

interface Built {
  readonly seen: string;
  readonly cached: string;
  readonly digest: string;
  readonly stderr: string;
}

interface Place {
  readonly store: string;
  readonly more?: readonly string[];
}

/** Builds with these ids, and says what the commands saw. */
async function build(box: Sandbox, kind: Ids, { store, more = [] }: Place): Promise<Built> {
  const environment = { ...ids[kind], ...(kind === 'refused' && { PATH: box.at('broken') }), TSBUILD_STORE: box.at(store) };
  const out = `out-${readdirSync(box.path).length}`;
  const args = [
    ...base,
    ...more,
    '-t',
    'kept',
    '--iidfile',
    `${out}.id`,
    '-o',
    `type=local,dest=${out}`,
    '-o',
    'type=image',
    'c',
  ];
  const { stderr } = await box.tsbuildWith({ environment }, ...args).succeeds();
  const read = (name: string): string => readFileSync(box.at(name), 'utf8').trim();
  return { seen: read(`${out}/seen`), cached: read(`${out}/cached`), digest: read(`${out}.id`), stderr };
}

const right = '33:42 640\n0:42 2755\n7:8';
const flat = '0:0 640\n0:0 2755\n0:0';

test('what was unpacked and run with one id is not used with all, nor the other way', needs, async () => {
  using box = await prepared();
  const alone = { all: await build(box, 'all', { store: 'all' }), one: await build(box, 'one', { store: 'one' }) };
  assert.equal(alone.all.seen, right);
  assert.equal(alone.one.seen, flat);
  const rows: readonly (readonly [first: Ids, second: Ids])[] = [
    ['one', 'all'],
    ['all', 'one'],
    ['refused', 'all'],
  ];
  for (const [first, second] of rows) {
    const store = `${first}-${second}`;
    await build(box, first, { store });
    const wanted = second === 'all' ? alone.all : alone.one;
    const again = await build(box, second, { store });
    assert.equal(again.seen, wanted.seen, store);
    assert.equal(again.cached, '0:0', store);
    assert.equal(again.digest, wanted.digest, store);
    for (const kind of [second, first]) {
      const { stderr, digest } = await build(box, kind, { store });
      assert.equal(digest, kind === 'all' ? alone.all.digest : alone.one.digest, store);
      assert.equal(stderr.match(/ CACHED/g)?.length, 4, `${store}, ${kind}: ${stderr}`);
    }
  }
});

test('ids that are refused only when the worker starts are remembered', needs, async () => {
  using box = await prepared();
  const alone = await build(box, 'one', { store: 'one' });
  const all = await build(box, 'all', { store: 'store' });
  // Everything was found before anybody knew, and is what all ids give.
  assert.equal((await build(box, 'refused', { store: 'store' })).seen, right);
  assert.equal((await build(box, 'refused', { store: 'store' })).digest, alone.digest);
  assert.equal((await build(box, 'refused', { store: 'store' })).stderr.match(/ CACHED/g)?.length, 4);
  assert.equal((await build(box, 'all', { store: 'store' })).digest, all.digest);
});

test('a step that is new runs on the right owners, and its base is unpacked again', needs, async () => {
  using box = await prepared();
  await build(box, 'one', { store: 'store' });
  box.file('c/Containerfile', "FROM base\nRUN true; stat -c '%u:%g %a' /var/owned /var/tool > /seen; echo > /cached\n");
  assert.equal((await build(box, 'all', { store: 'store' })).seen, '33:42 640\n0:42 2755');
});

test('an image that was kept is whole with other ids', needs, async () => {
  for (const [first, second] of [
    ['one', 'all'],
    ['all', 'one'],
  ] as const) {
    using box = await prepared();
    box.file('c/Containerfile', 'FROM base\nRUN echo made > /made; chmod 755 /made; echo > /seen; echo > /cached\n');
    const { digest } = await build(box, first, { store: 'store' });
    const environment = { ...ids[second], TSBUILD_STORE: box.at('store') };
    await box.tsbuildWith({ environment }, 'save', '--format', 'oci-dir', '-o', 'saved', 'kept').succeeds();
    assert.ok(readdirSync(box.at('saved/blobs/sha256')).length > 2);
    assert.match((await box.tsbuildWith({ environment }, 'inspect', 'kept').succeeds()).stdout, new RegExp(digest));
    await box.tsbuildWith({ environment }, 'inspect', '--layers', 'kept').succeeds();
    box.file('d/Containerfile', 'FROM kept\nRUN cat /made > /again\n');
    await box.tsbuildWith({ environment }, '-o', 'type=local,dest=d-out', 'd').succeeds();
    assert.equal(readFileSync(box.at('d-out/again'), 'utf8'), 'made\n');
  }
});

test('prune works when files belong to ids that are gone, and says what stays', needs, async () => {
  using box = await prepared();
  await build(box, 'all', { store: 'store' });
  const environment = { ...ids.one, TSBUILD_STORE: box.at('store') };
  await box.tsbuildWith({ environment }, 'rmi', 'kept').succeeds();
  // What a process leaves goes when it has ended.
  const { stderr } = await box.tsbuildWith({ environment, isAlone: true }, 'prune', '--all', '--force').succeeds();
  assert.match(stderr, /note: .*\/store\/tmp\/\S+ stays: it has files of user ids that are not yours now; as root: rm -r '/);
  assert.deepEqual(readdirSync(box.at('store/snapshots')), []);
  assert.equal((await build(box, 'one', { store: 'store' })).seen, flat);
  await build(box, 'all', { store: 'store', more: ['--no-cache'] });
  assert.deepEqual(readdirSync(box.at('store/tmp')), []);
});

test('a store of an older format, which does not tell its ids, is used by its layers alone', needs, async () => {
  using box = await prepared();
  await build(box, 'one', { store: 'store' });
  // As it was written by the older version: the names have no id map.
  const move = 'cd store/snapshots; for f in *; do mv $f ${f%.*}; done';
  await box.run(['sh', '-c', move]).succeeds();
  writeFileSync(box.at('store/version'), '3\n');
  assert.equal((await build(box, 'all', { store: 'store' })).seen, right);
});
