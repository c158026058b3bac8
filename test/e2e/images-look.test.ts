import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeBusyboxLayout } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids');

async function built(): Promise<Sandbox> {
  const box = sandbox();
  box.file('c/Containerfile', 'FROM scratch\nCOPY f /f\nLABEL a=b\n').file('c/f', 'content');
  await box.tsbuild('-t', 'app', '-t', 'localhost:5000/team/app:2', 'c').succeeds();
  box.file('d/Containerfile', 'FROM scratch\nLABEL c=d\n');
  await box.tsbuild('-t', 'other', 'd').succeeds();
  return box;
}

const listings: readonly [argv: readonly string[], expected: string][] = [
  [['--format', '{{.Name}}'], 'docker.io/library/app:latest\ndocker.io/library/other:latest\nlocalhost:5000/team/app:2\n'],
  [['--format', '{{.name}}', 'app'], 'docker.io/library/app:latest\nlocalhost:5000/team/app:2\n'],
  [['--format', '{{.name}}', 'team/app:2'], 'localhost:5000/team/app:2\n'],
  [['--format', '{{.name}}', '--filter', 'label=c'], 'docker.io/library/other:latest\n'],
  [['--format', '{{.name}}', '-f', 'label=c=x'], ''],
  [['--format', '{{.tag}}\\t{{json .labels}}', '-f', 'reference=o*'], 'latest\t{"c":"d"}\n'],
  [['--format', '{{.name}}', '-f', 'reference=t??m/a*:*'], 'localhost:5000/team/app:2\n'],
  [['--format', '{{.name}}', '-f', `reference=${'a*'.repeat(60)}b`], ''],
];

test('images lists what is asked for', needs, async () => {
  using box = await built();
  for (const [argv, expected] of listings) {
    const { stdout } = await box.tsbuild('images', ...argv).succeeds();
    assert.equal(stdout, expected, argv.join(' '));
  }
  const { stdout } = await box.tsbuild('images', '-q').succeeds();
  assert.equal(stdout.split('\n').length, 3);
  await box
    .tsbuild('images', '--format', '{{.nothing}}')
    .fails({ exit: 2, stderr: [/no such field/, /There are name, repository/] });
  await box.tsbuild('images', '--filter', 'age=2').fails({ exit: 2, stderr: /Cannot filter by "age"/ });
});

const histories: readonly [argv: readonly string[], expected: RegExp][] = [
  [[], /^CREATED +CREATED BY +SIZE +COMMENT *\n\S+ +LABEL a=b +0B +\S.*\n\S+ +COPY f \/f # buildkit +\S+ +\S.*\n$/],
  [['--format', '{{.createdBy}}\\t{{.size}}'], /^LABEL a=b\t0\nCOPY f \/f.*\t\d+\n$/],
];

test('history shows what is asked for', needs, async () => {
  using box = await built();
  for (const [argv, expected] of histories) {
    assert.match((await box.tsbuild('history', ...argv, 'app').succeeds()).stdout, expected);
  }
  await box
    .tsbuild('history', '--format', '{{.nothing}}', 'app')
    .fails({ exit: 2, stderr: /There are platform, created, createdBy/ });
  await box.tsbuild('history', '--format', 'yaml', 'app').fails({ exit: 2, stderr: /expected table, json or a template/ });
  await box.tsbuild('history', 'none').fails({ exit: 2, stderr: /the store has no such name/ });
});

test('history shortens long instructions, and --no-trunc does not', needs, async () => {
  using box = sandbox();
  box.file('c/Containerfile', `FROM scratch\nLABEL a=${'b'.repeat(200)}\n`);
  await box.tsbuild('-t', 'app', 'c').succeeds();
  assert.match((await box.tsbuild('history', 'app').succeeds()).stdout, / LABEL a=b{69}\.\.\. /);
  assert.match((await box.tsbuild('history', '--no-trunc', 'app').succeeds()).stdout, / LABEL a=b{200} /);
});

test('history tells the platforms of an index apart, in a document and in a table', needs, async () => {
  using box = sandbox();
  box.file('c/Containerfile', 'FROM scratch\nLABEL a=b\n');
  await box.tsbuild('--platform', 'linux/amd64,linux/arm64', '-t', 'both', 'c').succeeds();
  const { stdout: json } = await box.tsbuild('history', '--json', 'both').succeeds();
  const lines: { platform: string; createdBy: string }[] = JSON.parse(json);
  assert.deepEqual(
    lines.map(({ platform, createdBy }) => `${platform} ${createdBy}`),
    ['linux/amd64 LABEL a=b', 'linux/arm64 LABEL a=b'],
  );
  const { stdout: table } = await box.tsbuild('history', 'both').succeeds();
  assert.match(table, /^PLATFORM +CREATED .*\nlinux\/amd64 .*\nlinux\/arm64 .*\n$/);
});

test('inspect fills templates, and shows several images in one document', needs, async () => {
  using box = await built();
  const { stdout: labels } = await box.tsbuild('inspect', '--format', '{{.name}} {{json .images}}', 'app', 'other').succeeds();
  assert.match(
    labels,
    /^docker\.io\/library\/app:latest \[\{.*"a":"b".*\]\ndocker\.io\/library\/other:latest \[\{.*"c":"d".*\]\n$/,
  );
  const { stdout: json } = await box.tsbuild('inspect', 'app', 'other').succeeds();
  assert.equal(JSON.parse(json).length, 2);
  await box.tsbuild('inspect', '--format', '{{.nothing}}', 'app').fails({ exit: 2, stderr: /There are name, id, digest/ });
  await box.tsbuild('inspect', 'app', 'none').fails({ exit: 2, stderr: /the store has no such name/ });
});

test('tag gives several names or, when one of them is wrong, none', needs, async () => {
  using box = await built();
  await box.tsbuild('tag', 'app', 'one:1', 'two').succeeds();
  const names = async (): Promise<string> => (await box.tsbuild('images', '--format', '{{.id}} {{.name}}').succeeds()).stdout;
  const id = (await box.tsbuild('images', '-q', '--no-trunc', 'app:latest').succeeds()).stdout.trim();
  const before = await names();
  for (const name of ['one:1', 'two:latest']) assert.ok(before.includes(`${id} docker.io/library/${name}\n`), before);
  await box.tsbuild('tag', 'app', 'three', 'UPPER').fails({ exit: 2, stderr: /UPPER/ });
  await box.tsbuild('tag', 'none', 'three').fails({ exit: 2, stderr: /the store has no such name/ });
  assert.equal(await names(), before);
});

test('a damaged image is listed, and can be removed', needs, async () => {
  using box = await built();
  const { stdout } = await box.tsbuild('images', '--no-trunc', '--digests', '--format', '{{.digest}}', 'other').succeeds();
  await box.run(['rm', `store/blobs/${stdout.trim().replace(':', '/')}`]).succeeds();
  const { stdout: listed } = await box.tsbuild('images', 'other').succeeds();
  assert.match(listed, /other +latest +\w+ +damaged/);
  await box.tsbuild('inspect', 'other').fails({ exit: 5, stderr: /it is not in the store/ });
  await box.tsbuild('rmi', 'other').succeeds();
});

test('rmi takes ids, and is careful with them', needs, async () => {
  using box = await built();
  const { stdout } = await box.tsbuild('images', '-q', 'team/app').succeeds();
  const id = stdout.trim();
  await box.tsbuild('rmi', id).fails({ exit: 2, stderr: [/the image has 2 names/, /--force/] });
  await box.tsbuild('tag', id, 'third').succeeds();
  await box.tsbuild('rmi', 'third').succeeds();
  const { stdout: removed } = await box.tsbuild('rmi', '--force', id).succeeds();
  assert.equal(removed, 'Untagged: docker.io/library/app:latest\nUntagged: localhost:5000/team/app:2\n');
  await box.tsbuild('rmi', '--all').succeeds();
  const { stdout: left } = await box.tsbuild('images', '--format', 'json').succeeds();
  assert.deepEqual(JSON.parse(left), []);
  await box.tsbuild('rmi').fails({ exit: 2, stderr: /none is named/ });
});

test('an id that several manifests share is taken everywhere, and rmi -f removes all names of it', needs, async () => {
  using box = sandbox().file('c/Containerfile', 'FROM scratch\nLABEL a=b\n');
  await box.tsbuild('-t', 'one', 'c').succeeds();
  await box.tsbuild('--annotation', 'k=v', '-t', 'two', 'c').succeeds();
  await box.tsbuild('-t', 'other', '--label', 'x=y', 'c').succeeds();
  const id = (await box.tsbuild('images', '-q', '--no-trunc', 'one').succeeds()).stdout.trim();
  assert.equal((await box.tsbuild('images', '-q', '--no-trunc', 'two').succeeds()).stdout.trim(), id);
  for (const text of [id, id.slice(7), id.slice(7, 19)]) {
    await box.tsbuild('inspect', text).succeeds();
    await box.tsbuild('history', text).succeeds();
  }
  await box.tsbuild('tag', id, 'three').succeeds();
  await box.tsbuild('rmi', id).fails({ exit: 2, stderr: /the image has 3 names/ });
  const { stdout } = await box.tsbuild('rmi', '-f', id).succeeds();
  assert.equal(stdout.match(/^Untagged: /gm)?.length, 3);
  assert.match((await box.tsbuild('images').succeeds()).stdout, /other/);
});

test('inspect --layers shows what layers hide and waste', { ...needs, ...requires('tool:busybox') }, async () => {
  using box = sandbox();
  await writeBusyboxLayout(box.at('base'));
  const lines = ['FROM base', 'COPY big /big', 'RUN rm /big && echo x >/new', 'RUN echo y >/new'];
  box.file('c/Containerfile', `${lines.join('\n')}\n`).file('c/big', 'z'.repeat(50_000));
  await box.tsbuild('--build-context', 'base=oci-layout://base', '-t', 'app', 'c').succeeds();
  const { stdout } = await box.tsbuild('inspect', '--layers', '--json', 'app').succeeds();
  const [image] = JSON.parse(stdout)[0].images;
  const facts = image.layers.slice(1).map((layer: Record<string, unknown>) => ({
    added: layer['added'],
    changed: layer['changed'],
    hidden: layer['hidden'],
    wastedBytes: layer['wastedBytes'],
    wasted: layer['wasted'],
  }));
  assert.deepEqual(facts, [
    { added: 1, changed: 0, hidden: 0, wastedBytes: 50_000, wasted: [{ path: '/big', bytes: 50_000, hiddenBy: 2 }] },
    { added: 1, changed: 0, hidden: 1, wastedBytes: 2, wasted: [{ path: '/new', bytes: 2, hiddenBy: 3 }] },
    { added: 0, changed: 1, hidden: 1, wastedBytes: 0, wasted: [] },
  ]);
  const { stdout: table } = await box.tsbuild('inspect', '--layers', 'app').succeeds();
  assert.match(table, /layer 2: \/big \(50\.0kB\) is hidden by layer 3\n/);
  assert.match(table, /50\.0kB are wasted\n$/);
});

test('prune says what goes, removes what belongs to other ids, and what was pruned is built again', {
  ...needs,
  ...requires('tool:busybox'),
}, async () => {
  using box = sandbox();
  await writeBusyboxLayout(box.at('base'));
  box.file('c/Containerfile', 'FROM base\nRUN mkdir -m 700 /d && touch /d/f && chown -R app /d\n');
  const build = ['--build-context', 'base=oci-layout://base', '-o', 'type=oci,dest=a.tar', 'c'];
  await box.tsbuild(...build).succeeds();
  const { stdout: foreseen } = await box.tsbuild('prune', '--dry-run', '--all').succeeds();
  assert.match(foreseen, /^snapshot +2 +\S+$/m);
  await box.tsbuild('prune', '--keep-duration', '1h').succeeds();
  const { stdout: kept } = await box.tsbuild('prune', '--all', '--filter', 'until=1h', '--dry-run').succeeds();
  assert.match(kept, /Would remove \d+ items/);
  await box.tsbuild('prune', '--all', '--force').succeeds();
  const { stdout: left } = await box.run(['find', 'store', '-mindepth', '3']).succeeds();
  assert.equal(left, '');
  const { stderr } = await box.tsbuild(...build).succeeds();
  assert.match(stderr, /1 steps?, 0 cached/);
  await box.tsbuild('prune', '--filter', 'label=x').fails({ exit: 2, stderr: /expected until=TIME/ });
  await box.tsbuild('prune', '--keep-duration', 'long').fails({ exit: 2, stderr: /expected a duration/ });
});

const named = ['pull', 'push', 'load', 'copy', 'login', 'logout', 'manifest', 'save', 'prune', 'images', 'inspect'];

test('each command explains itself', needs, async () => {
  using box = sandbox();
  for (const name of named) {
    const { stdout } = await box.tsbuild(name, '--help').succeeds();
    assert.match(stdout, new RegExp(`^Usage: tsbuild ${name} `));
  }
});
