import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createNetServer } from 'node:net';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { GitServer, type TestRepository } from '../support/git-server.ts';
import { type ReadImage, readImage, readTarFiles } from '../support/image-archive.ts';
import { hostOf, listen } from '../support/loopback.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

shareProcess();

const needs = requires('user:subids', 'tool:git');

/** One history for all rows, with what a row may name. */
interface World extends AsyncDisposable {
  readonly server: GitServer;
  readonly repository: TestRepository;
  readonly first: string;
  readonly second: string;
  readonly hidden: string;
}

async function startWorld(): Promise<World> {
  const server = await GitServer.start();
  const part = server.repository('part');
  part.write('inner', 'of the submodule');
  const partCommit = part.commit('part');
  const repository = server.repository('app');
  repository.write('f', 'first').write('sub/deep/g', 'deep').write('Containerfile', 'FROM scratch\nCOPY f /\n');
  const first = repository.commit('first');
  repository.git('tag', 'v1');
  repository.git('tag', '-a', 'v1-annotated', '-m', 'note');
  repository.git('checkout', '-q', '-b', 'side');
  repository.write('f', 'hidden');
  const hidden = repository.commit('hidden');
  repository.write('f', 'side').commit('side');
  repository.git('checkout', '-q', 'main');
  repository.write('f', 'second').write('run', '#!/bin/sh\n');
  chmodSync(join(repository.folder, 'run'), 0o755);
  // By hand: `git submodule add` would ask the server, which cannot answer while this waits.
  repository.write('.gitmodules', `[submodule "part"]\n\tpath = vendor/part\n\turl = ../../part/.git\n`);
  repository.git('add', '-A');
  repository.git('update-index', '--add', '--cacheinfo', `160000,${partCommit},vendor/part`);
  repository.git('commit', '-q', '-m', 'second');
  const second = repository.git('rev-parse', 'HEAD');
  return { server, repository, first, second, hidden, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

/** Fills a row's names in. */
function filled(text: string, { server, first, second, hidden }: World): string {
  const words = {
    URL: server.url('app'),
    FIRST: first,
    SECOND: second,
    HIDDEN: hidden,
    SHORT: first.slice(0, 7),
    OTHER: second.slice(0, 9),
  };
  return Object.entries(words).reduce((done, [word, value]) => done.replaceAll(word, value), text);
}

async function built(box: Sandbox, text: string, ...args: readonly string[]): Promise<ReadImage> {
  box.file('c/Containerfile', `FROM scratch\n${text}\n`);
  await box.tsbuild(...args, '-o', 'type=oci,dest=o.tar', 'c').succeeds();
  return readImage(box.at('o.tar'));
}

function contentOf(image: ReadImage, name: string): string | undefined {
  return image.layers.at(-1)?.get(name)?.content.toString();
}

/** Location, and what the file `f` (or another) holds. */
const contents: readonly (readonly [name: string, add: string, content: string, file?: string])[] = [
  ['the default branch', 'URL', 'second'],
  ['A19: a tag in the fragment', 'URL#v1', 'first'],
  ['an annotated tag', 'URL#v1-annotated', 'first'],
  ['a branch in the fragment', 'URL#side', 'side'],
  ['a full name of a ref', 'URL#refs/heads/side', 'side'],
  ['A22: a commit', 'URL#FIRST', 'first'],
  ['a commit that no branch or tag points at', 'URL#HIDDEN', 'hidden'],
  ['A25: ref=', 'URL?ref=v1', 'first'],
  ['A25: branch=', 'URL?branch=side', 'side'],
  ['A25: tag=', 'URL?tag=v1', 'first'],
  ['A26: tag= and its commit', 'URL?tag=v1&commit=FIRST', 'first'],
  ['A27: the first digits of a commit', 'URL?commit=SHORT', 'first'],
  ['A27: a branch, and the first digits of its commit', 'URL?branch=main&commit=OTHER', 'second'],
  ['A28: the same ref twice', 'URL?ref=v1#v1', 'first'],
  ['A29: a folder in the fragment', 'URL#v1:sub', 'deep', 'deep/g'],
  ['A29: a folder in the query', 'URL?subdir=sub/deep&ref=v1', 'deep', 'g'],
  ['a folder of the default branch', 'URL#:sub', 'deep', 'deep/g'],
  ['A31: submodules', 'URL', 'of the submodule', 'vendor/part/inner'],
];

test('ADD takes the files of a repository by', needs, async (t) => {
  await using world = await startWorld();
  using box = sandbox();
  // One build for all, a folder for each.
  const lines = contents.map(([, add], row) => filled(`ADD ${add} /${row}`, world));
  const plainAdd = filled('ADD --chown=7:8 URL?submodules=false /last', world);
  const { layers } = await built(box, [...lines, plainAdd].join('\n'));
  for (const [row, [name, , content, file = 'f']] of contents.entries()) {
    await t.test(name, () => {
      assert.equal(layers[row]?.get(`${row}/${file}`)?.content.toString(), content);
      assert.deepEqual(
        [...(layers[row]?.keys() ?? [])].filter((path) => path.includes('.git/') || path.endsWith('.git')),
        [],
      );
    });
  }
  await t.test('A31: nothing for submodules=false', () => {
    assert.equal(layers.at(-1)?.get('last/vendor/part/inner'), undefined);
  });
  await t.test('owner, mode and time that do not depend on anybody', () => {
    const headers = ['last/f', 'last/run', 'last/sub'].map((name) => layers.at(-1)?.get(name)?.header);
    assert.deepEqual(
      headers.map((header) => `${header?.mode?.toString(8)} ${header?.uid}:${header?.gid} ${header?.mtime?.toISOString()}`),
      ['644 7:8 1980-01-02T00:00:00.000Z', '755 7:8 1980-01-02T00:00:00.000Z', '755 7:8 1980-01-02T00:00:00.000Z'],
    );
  });
});

test('mtime=commit gives all files the time of the commit, in ADD and in a context', needs, async () => {
  await using world = await startWorld();
  using box = sandbox();
  const timeOf = (image: ReadImage, name: string): string | undefined =>
    image.layers.at(-1)?.get(name)?.header.mtime?.toISOString();
  const added = await built(box, `ADD ${world.server.url('app')}?ref=v1&mtime=commit /d`);
  assert.equal(timeOf(added, 'd/f'), '2001-02-03T04:05:06.000Z');
  const plain = await built(box, `ADD ${world.server.url('app')}?ref=v1&mtime=checkout /d`);
  assert.equal(timeOf(plain, 'd/f'), '1980-01-02T00:00:00.000Z');
  await box.tsbuild('-o', 'type=oci,dest=c.tar', `${world.server.url('app')}?ref=v1&mtime=commit`).succeeds();
  assert.equal(timeOf(await readImage(box.at('c.tar')), 'f'), '2001-02-03T04:05:06.000Z');
});

test('a fetch shows its progress', needs, async () => {
  await using world = await startWorld();
  using box = sandbox();
  box.file('c/Containerfile', `FROM scratch\nADD ${world.server.url('app')}#v1 /d\n`);
  const { stderr } = await box.tsbuild('--progress=plain', 'c').succeeds();
  assert.match(stderr, /#\d+ (receiving|unpacking) \d+ objects \d/);
  assert.doesNotMatch(stderr, /remote:/);
});

test('a fetch that is stopped leaves no process, no file and no output', needs, async () => {
  const asked: string[] = [];
  const server = createServer((request) => asked.push(request.url ?? ''));
  await listen(server);
  using box = sandbox();
  const url = `http://${hostOf(server)}/never.git`;
  const gits = (): readonly string[] => readdirSync('/proc').filter((pid) => commandLineOf(pid).includes(url));
  box.file('c/Containerfile', `FROM scratch\nADD ${url} /d\n`).folder('out');
  const run = box.tsbuildWith({ isAlone: true }, '-o', 'type=oci,dest=out/o.tar', 'c');
  while (asked.length === 0) await delay(20);
  assert.notDeepEqual(gits(), []);
  run.child.kill('SIGINT');
  assert.equal((await run.finished()).exit, 130);
  while (gits().length > 0) await delay(20);
  assert.deepEqual([readdirSync(box.at('out')), filesBelow(join(box.store, 'tmp'))], [[], []]);
  server.closeAllConnections();
  server.close();
});

const mistakes: readonly (readonly [name: string, add: string, stderr: RegExp])[] = [
  [
    'A21: another commit as checksum',
    'ADD --checksum=SECOND URL#v1 /d',
    /expected checksum to match [0-9a-f]{40}, got [0-9a-f]{40}/,
  ],
  ['A26: a tag with another commit', 'ADD URL?tag=v1&commit=SECOND /d', /expected checksum to match/],
  ['A25: a branch that is not there', 'ADD URL?branch=invalid /d', /repository does not contain ref "refs\/heads\/invalid"/],
  ['A25: a tag given as a branch', 'ADD URL?branch=v1 /d', /repository does not contain ref/],
  ['A27: the first digits of a commit as ref', 'ADD URL?ref=SHORT /d', /repository does not contain ref.*[\s\S]*\?commit=/],
  ['A28: two refs', 'ADD URL?tag=v1#side /d', /ref conflicts: "refs\/tags\/v1" vs "side"/],
  ['a folder that is not there', 'ADD URL#v1:nowhere /d', /Cannot copy "nowhere" from repository/],
  [
    'a repository that is not there',
    'ADD http://HOST/none/.git /d',
    /Cannot fetch "http:\/\/127[^"]*\/none\/\.git": .*not found/,
  ],
  ['a query that means nothing', 'ADD URL?depth=1 /d', /unexpected query "depth"/],
  ['an option in the place of a ref', 'ADD URL#--upload-pack=touch /d', /is no name of a branch, tag or commit/],
];

test('ADD of a repository refuses', needs, async (t) => {
  await using world = await startWorld();
  using box = sandbox();
  for (const [name, add, stderr] of mistakes) {
    await t.test(name, async () => {
      box.file('c/Containerfile', `FROM scratch\n${filled(add, world).replace('HOST', world.server.host)}\n`);
      await box.tsbuild('c').fails({ exit: 1, stderr });
    });
  }
  await t.test('A21: a checksum that is no commit', async () => {
    box.file('c/Containerfile', `FROM scratch\n${filled('ADD --checksum=garbage URL /d', world)}\n`);
    await box.tsbuild('c').fails({ exit: 2, stderr: /invalid checksum: expected hex commit hash/ });
  });
});

test('A20, A30: --keep-git-dir gives a clean repository, the same every time', needs, async () => {
  await using world = await startWorld();
  const digests = [];
  for (const add of ['ADD --keep-git-dir=true --checksum=SECOND URL#main /', 'ADD URL?keep-git-dir#main /']) {
    using box = sandbox();
    await box
      .file('c/Containerfile', `FROM scratch\n${filled(add, world)}\n`)
      .tsbuild('-o', 'type=local,dest=out', 'c')
      .succeeds();
    const { stdout } = await box.run(['git', '-C', 'out', 'status', '--porcelain']).succeeds();
    assert.equal(stdout, '');
    const log = await box.run(['git', '-C', 'out', 'log', '--format=%s']).succeeds();
    assert.equal(log.stdout, 'second\n');
    await box.tsbuild('-o', 'type=oci,dest=o.tar', 'c').succeeds();
    digests.push((await readImage(box.at('o.tar'))).config.rootfs.diff_ids);
  }
  assert.deepEqual(digests[0], digests[1]);
});

test('A23: repositories with SHA-256 work', needs, async () => {
  await using server = await GitServer.start();
  const repository = server.repository('new', { objectFormat: 'sha256' });
  const commit = repository.write('f', 'long').commit('one');
  assert.equal(commit.length, 64);
  using box = sandbox();
  for (const ref of ['', `#${commit}`]) {
    assert.equal(contentOf(await built(box, `ADD ${server.url('new')}${ref} /`), 'f'), 'long');
  }
});

test('A24: what the store has is not fetched again, and a checksum changes no result', needs, async () => {
  await using world = await startWorld();
  using box = sandbox();
  await built(box, filled('ADD URL#v1 /d', world));
  world.server.requests.length = 0;
  box.file('c/Containerfile', `FROM scratch\n${filled('ADD --checksum=FIRST URL#v1 /d', world)}\n`);
  const { stderr } = await box.tsbuild('--progress=plain', 'c').succeeds();
  assert.match(stderr, /CACHED/);
  // Refs are asked for (two requests), objects are not (that would be a third with a pack).
  assert.ok(world.server.requests.length <= 2, world.server.requests.join('\n'));
  world.server.requests.length = 0;
  box.file('c/Containerfile', `FROM scratch\n${filled('ADD URL#FIRST /d', world)}\n`);
  await box.tsbuild('c').succeeds();
  assert.deepEqual(world.server.requests, []);
});

test('a branch that moved is fetched', needs, async () => {
  await using world = await startWorld();
  using box = sandbox();
  await built(box, filled('ADD URL#side /d', world));
  world.repository.git('checkout', '-q', 'side');
  world.repository.write('f', 'moved').commit('moved');
  assert.equal(contentOf(await built(box, filled('ADD URL#side /d', world)), 'd/f'), 'moved');
});

for (const [id, wanted] of [
  ['GIT_AUTH_HEADER.HOST', 'geheim'],
  ['GIT_AUTH_TOKEN.HOST', `Basic ${Buffer.from('x-access-token:geheim').toString('base64')}`],
] as const) {
  test(`the secret ${id} opens a repository, and is nowhere to be seen`, needs, async () => {
    await using world = await startWorld();
    const { server } = world;
    server.authorization = wanted;
    using box = sandbox();
    box.file('c/Containerfile', `FROM scratch\n${filled('ADD URL /d', world)}\n`);
    const without = await box.tsbuild('c').fails({ exit: 1, stderr: /GIT_AUTH_TOKEN/ });
    assert.match(without.stderr, /Cannot fetch/);
    box.file('token', 'geheim\n');
    const secret = ['--secret', `id=${id.replace('HOST', server.host)},src=${box.at('token')}`];
    const { stderr } = await box.tsbuild('--progress=plain', ...secret, 'c').succeeds();
    assert.doesNotMatch(stderr, /geheim/);
    assert.deepEqual(filesWith(box.store, 'geheim'), []);
  });
}

test('repositories are fetched by ssh with the agent that is forwarded, from known hosts only', needs, async () => {
  await using world = await startWorld();
  chmodSync(dirname(world.repository.folder), 0o755);
  using box = sandbox();
  // In the place of OpenSSH: notes how it was called, and runs what it was asked to run.
  box.file(
    'bin/ssh',
    `#!/bin/sh
echo "$SSH_AUTH_SOCK $*" >> ${box.at('calls')}
for last; do :; done
eval "git -c 'safe.directory=*' \${last#git-}"
`,
    { mode: 0o755 },
  );
  const agent = createNetServer().listen(box.at('agent'));
  await once(agent, 'listening');
  const environment = { PATH: `${box.at('bin')}:${process.env['PATH'] ?? ''}`, SSH_AUTH_SOCK: box.at('agent') };
  box.file('c/Containerfile', `FROM scratch\nADD git@host:${world.repository.folder}/.git#v1 /d\n`);
  await box.tsbuildWith({ environment }, '--ssh', 'default', '-o', 'type=oci,dest=o.tar', 'c').succeeds();
  assert.equal(contentOf(await readImage(box.at('o.tar')), 'd/f'), 'first');
  const calls = readFileSync(box.at('calls'), 'utf8').trim().split('\n');
  // What git sees is a filter before the agent, not the agent.
  for (const call of calls) {
    assert.match(call, new RegExp(`^${box.store}/tmp/\\S+ -F /\\S+/ssh_config .*StrictHostKeyChecking=yes .*git@host`));
  }
  // Without --ssh an ADD gets no agent; for a context, whose address the user has typed, the user's own serves.
  box.file('calls', '');
  await box.tsbuildWith({ environment }, '--no-cache', 'c').succeeds();
  await box.tsbuildWith({ environment }, `git@host:${world.repository.folder}/.git#v1`).succeeds();
  const [added, context] = readFileSync(box.at('calls'), 'utf8').split('\n');
  assert.match(added ?? '', /^ -F/);
  assert.ok(context?.startsWith(`${box.at('agent')} -F`));
  agent.close();
});

test('nothing that a repository brings is run, and nothing local is read', needs, async () => {
  await using server = await GitServer.start();
  using folder = temporaryFolder('secret');
  const evil = server.repository('evil');
  evil.write('.gitattributes', '* filter=evil\n').write('f', 'x');
  evil.write(
    '.gitmodules',
    `[submodule "a"]\n\tpath = a\n\turl = file://${folder.path}\n[submodule "b"]\n\tpath = b\n\turl = ext::sh -c touch% ${folder.at('pwned')}\n`,
  );
  evil.git('add', '-A');
  for (const name of ['a', 'b']) evil.git('update-index', '--add', '--cacheinfo', `160000,${'1'.repeat(40)},${name}`);
  evil.git('commit', '-q', '-m', 'evil');
  using box = sandbox();
  box.file('c/Containerfile', `FROM scratch\nADD ${server.url('evil')} /d\n`);
  await box.tsbuild('c').fails({ exit: 1, stderr: /transport '(file|ext)' not allowed/ });
  assert.deepEqual(readdirSync(folder.path), []);
  const image = await built(box, `ADD ${server.url('evil')}?submodules=false /d`);
  assert.equal(contentOf(image, 'd/f'), 'x');
});

test('a link in a repository is copied as a link, whatever it points at', needs, async () => {
  await using server = await GitServer.start();
  const repository = server.repository('links');
  repository.write('f', 'x');
  symlinkSync('/etc/passwd', join(repository.folder, 'out'));
  repository.commit('links');
  using box = sandbox();
  const image = await built(box, `ADD ${server.url('links')} /d`);
  assert.equal(image.layers.at(-1)?.get('d/out')?.header.linkname, '/etc/passwd');
  box.file('c/Containerfile', `FROM scratch\nADD ${server.url('links')}#main:out /d\n`);
  await box.tsbuild('c').fails({ exit: 1, stderr: /Cannot copy "out" from repository/ });
});

test("the user's git configuration does not count", needs, async () => {
  await using world = await startWorld();
  using box = sandbox();
  box.file('home/.gitconfig', `[core]\n\tautocrlf = true\n[url "http://127.0.0.1:1/"]\n\tinsteadOf = http://\n`);
  const options = { environment: { HOME: box.at('home') } };
  box.file('c/Containerfile', `FROM scratch\n${filled('ADD URL#v1 /d', world)}\n`);
  await box.tsbuildWith(options, '-o', 'type=tar,dest=o.tar', 'c').succeeds();
  assert.equal((await readTarFiles(box.at('o.tar'))).get('d/f')?.content.toString(), 'first');
});

test('without git the error says what to install', needs, async () => {
  using box = sandbox();
  box.file('c/Containerfile', 'FROM scratch\nADD http://127.0.0.1:1/x.git /d\n');
  await box
    .tsbuildWith({ environment: { PATH: '/nonexistent' } }, 'c')
    .fails({ exit: 1, stderr: [/there is no program "git"/, /Install git/] });
});

function commandLineOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => statSync(join(folder, name)).isFile());
}

function filesWith(folder: string, text: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((file) => statSync(file, { throwIfNoEntry: false })?.isFile() === true && readFileSync(file).includes(text));
}
