import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { FileServer } from '../support/file-server.ts';
import { GitServer } from '../support/git-server.ts';
import { type ReadImage, readImage } from '../support/image-archive.ts';
import { type LayerFile, layerTar } from '../support/images.ts';
import { hostOf, listen } from '../support/loopback.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids');
const withGit = requires('user:subids', 'tool:git');

const file = 'FROM scratch\nCOPY . /\n';
const members: readonly LayerFile[] = [
  { name: 'Dockerfile', content: file },
  { name: '.dockerignore', content: 'f' },
  { name: 'f', content: 'kept' },
  { name: 'other/Containerfile', content: 'FROM scratch\nCOPY f /other\n' },
];

async function output(box: Sandbox, stdin: Uint8Array | undefined, ...args: readonly string[]): Promise<ReadImage> {
  await box.tsbuildWith(stdin === undefined ? {} : { stdin }, '-o', 'type=oci,dest=o.tar', ...args).succeeds();
  return readImage(box.at('o.tar'));
}

function namesIn(image: ReadImage): readonly string[] {
  return image.layers.flatMap((layer) => [...layer.keys()]).toSorted();
}

const allNames = ['.dockerignore', 'Dockerfile', 'f', 'other', 'other/Containerfile'];

/** What a builder leaves besides its store: nothing. */
function leftOvers(box: Sandbox): readonly string[] {
  return readdirSync(`${box.store}/tmp`);
}

const compressors: readonly (readonly [name: string, tool: string | undefined])[] = [
  ['tar', undefined],
  ['gzip', undefined],
  ['bzip2', 'bzip2'],
  ['xz', 'xz'],
  ['zstd', 'zstd'],
];

for (const [name, tool] of compressors) {
  test(
    `I04: a context on standard input may be ${name}, and its ignore file does not count`,
    tool === undefined ? needs : { ...needs, ...requires(`tool:${tool}`) },
    async () => {
      using box = sandbox();
      const tar = await layerTar(members);
      const packed =
        name === 'gzip'
          ? gzipSync(tar)
          : tool === undefined
            ? tar
            : (await box.run([tool, '-c'], { stdin: tar }).succeeds()).stdoutBytes;
      assert.deepEqual(namesIn(await output(box, packed, '-')), allNames);
      assert.deepEqual(leftOvers(box), []);
    },
  );
}

test('I04: -f names a file inside the context on standard input, else a local one', needs, async () => {
  using box = sandbox();
  const tar = await layerTar(members);
  assert.deepEqual(namesIn(await output(box, tar, '-f', 'other/Containerfile', '-')), ['other']);
  box.file('mine', 'FROM scratch\nCOPY f /mine\n');
  assert.deepEqual(namesIn(await output(box, tar, '-f', 'mine', '-')), ['mine']);
  await box
    .tsbuildWith({ stdin: tar }, '-f', 'none', '-')
    .fails({ exit: 2, stderr: /Cannot read Containerfile "none": the context does not hold it/ });
});

test('a Containerfile alone on standard input is built without a context', needs, async () => {
  using box = sandbox();
  box.file('f', 'not to be seen');
  const image = await output(box, Buffer.from('FROM scratch\nCOPY <<EOF /f\ntext\nEOF\nCOPY . /all/\n'), '-');
  assert.equal(image.layers[0]?.get('f')?.content.toString(), 'text\n');
  assert.deepEqual([...(image.layers[1]?.keys() ?? [])], ['all']);
  await box.tsbuildWith({ stdin: 'FROM scratch\n' }, '-f', 'x', '-').fails({ exit: 2, stderr: /it is no tar archive/ });
});

test('modes that nobody could read come through', needs, async () => {
  using box = sandbox();
  const tar = await layerTar([
    { name: 'Containerfile', content: 'FROM scratch\nCOPY d /d\n' },
    { name: 'd/secret', content: 'x', mode: 0o040 },
    { name: 'd/suid', content: 'x', mode: 0o4755 },
    { name: 'd/closed/', type: 'directory', mode: 0o111 },
    { name: 'd/closed/in', content: 'x', mode: 0o200 },
    { name: 'd/twin', type: 'link', linkname: 'd/secret' },
  ]);
  const { layers } = await output(box, tar, '-');
  const modes = [...(layers[0] ?? [])].map(([name, { header }]) => `${name} ${header.type} ${header.mode?.toString(8)}`);
  assert.deepEqual(modes, [
    'd directory 755',
    'd/closed directory 111',
    'd/closed/in file 200',
    'd/secret file 40',
    'd/suid file 4755',
    'd/twin link 40',
  ]);
});

const start = { name: 'Containerfile', content: 'FROM scratch\nCOPY . /\n' };

/** Archives that reach out of where they are unpacked, or try to. */
const hostile: readonly (readonly [name: string, entries: readonly LayerFile[], stderr: RegExp])[] = [
  [
    'a file through a link',
    [
      { name: 'l', type: 'symlink', linkname: '/tmp' },
      { name: 'l/pwned', content: '' },
    ],
    /"l\/pwned": it leads through the symbolic link "l"/,
  ],
  [
    'a folder in the place of a link',
    [
      { name: 'l', type: 'symlink', linkname: '/tmp' },
      { name: 'l/', type: 'directory' },
    ],
    /"l": a symbolic link of that name came before/,
  ],
  [
    'a hard link out',
    [{ name: 'h', type: 'link', linkname: '../../../etc/passwd' }],
    /"h": it is a link to "etc\/passwd", which is no file of it/,
  ],
  [
    'a hard link through a link',
    [
      { name: 'l', type: 'symlink', linkname: '/etc' },
      { name: 'h', type: 'link', linkname: 'l/passwd' },
    ],
    /it is a link to "l\/passwd"/,
  ],
  ['a name that is too long', [{ name: 'n'.repeat(300), content: '' }], /its name is too long/],
];

for (const [name, entries, stderr] of hostile) {
  test(`a context that holds ${name} is refused`, needs, async () => {
    using box = sandbox();
    const tar = await layerTar([start, ...entries]);
    await box.tsbuildWith({ stdin: tar }, '-').fails({ exit: 1, stderr });
    assert.deepEqual(leftOvers(box), []);
  });
}

test('names of a context stop at its top, the later of two counts, and devices are left out', needs, async () => {
  using box = sandbox();
  const tar = await layerTar([
    start,
    { name: '../../up', content: 'up' },
    { name: '/abs/f', content: 'abs' },
    { name: 'twice', type: 'symlink', linkname: '/etc/passwd' },
    { name: 'twice', content: 'later' },
    { name: 'null', type: 'character-device', devmajor: 1, devminor: 3 },
  ]);
  const image = await output(box, tar, '-');
  assert.deepEqual(namesIn(image), ['Containerfile', 'abs', 'abs/f', 'twice', 'up']);
  assert.equal(image.layers[0]?.get('twice')?.content.toString(), 'later');
});

test('a Containerfile that is a link out of the context is not followed', needs, async () => {
  using box = sandbox();
  box.file('outside', 'FROM scratch\n');
  const tar = await layerTar([{ name: 'Containerfile', type: 'symlink', linkname: box.at('outside') }]);
  await box.tsbuildWith({ stdin: tar }, '-').fails({ exit: 2, stderr: /it is a link that leads out of the context/ });
  const inside = await layerTar([
    { name: 'Containerfile', type: 'symlink', linkname: 'real' },
    { ...start, name: 'real' },
  ]);
  assert.deepEqual(namesIn(await output(box, inside, '-')), ['Containerfile', 'real']);
});

test('an archive that is cut off, damaged, or without a Containerfile says so', needs, async () => {
  using box = sandbox();
  const tar = await layerTar(members);
  const packed = gzipSync(tar);
  const damaged = Buffer.from(packed);
  damaged.fill(0, 30, 60);
  for (const [stdin, exit, stderr] of [
    [tar.subarray(0, 2000), 1, /Cannot unpack the build context on standard input: it ends \d+ bytes too early/],
    [packed.subarray(0, packed.length - 30), 1, /it is damaged/],
    [damaged, 1, /it is damaged/],
    [gzipSync('text'), 1, /Cannot unpack the build context on standard input: it is text, not a tar archive/],
    [await layerTar([{ name: 'f', content: '' }]), 2, /the archive on standard input holds neither Containerfile nor Dockerfile/],
  ] as const) {
    await box.tsbuildWith({ stdin }, '-').fails({ exit, stderr });
  }
});

test('I06: a context may be an archive behind a URL, which is fetched once', needs, async () => {
  await using server = await FileServer.start({ '/c.tgz': { content: gzipSync(await layerTar(members)) } });
  using box = sandbox();
  assert.deepEqual(namesIn(await output(box, undefined, `${server.url}/c.tgz`)), allNames);
  assert.deepEqual(namesIn(await output(box, undefined, '-f', 'other/Containerfile', `${server.url}/c.tgz`)), ['other']);
  assert.deepEqual(server.log(), ['GET /c.tgz 200', 'GET /c.tgz 304']);
  assert.deepEqual(leftOvers(box), []);
});

test('I06: a context may be a Containerfile behind a URL, whatever -f says', needs, async () => {
  await using server = await FileServer.start({ '/Containerfile.txt': 'FROM scratch\nLABEL a=b\n' });
  using box = sandbox();
  const image = await output(box, undefined, '-f', 'ignored', `${server.url}/Containerfile.txt`);
  assert.deepEqual(image.config.config['Labels'], { a: 'b' });
});

test('-f may be a URL', needs, async () => {
  await using server = await FileServer.start({ '/file': 'FROM scratch\nCOPY f /\n' });
  using box = sandbox();
  box.file('c/f', 'local');
  assert.deepEqual(namesIn(await output(box, undefined, '-f', `${server.url}/file`, 'c')), ['f']);
  await box.tsbuild('-f', `${server.url}/absent`, 'c').fails({ exit: 4, stderr: /answered 404/ });
});

test('a context URL that is not there is an error with its status', needs, async () => {
  await using server = await FileServer.start();
  using box = sandbox();
  await box.tsbuild(`${server.url}/none.tar`).fails({ exit: 4, stderr: /Cannot download ".*none\.tar": .* answered 404/ });
});

test('I05: a context may be a repository: branch, commit, folder, -f inside', withGit, async () => {
  await using server = await GitServer.start();
  const repository = server.repository('app');
  repository
    .write('Containerfile', file)
    .write('.dockerignore', 'f')
    .write('f', 'main')
    .write('sub/Dockerfile', 'FROM scratch\nCOPY g /\n')
    .write('sub/g', 'g');
  const first = repository.commit('one');
  repository.git('checkout', '-q', '-b', 'side');
  repository.write('f', 'side').commit('two');
  repository.git('checkout', '-q', 'main');
  using box = sandbox();
  const url = server.url('app');
  const whole = await output(box, undefined, url);
  assert.deepEqual(namesIn(whole), ['.dockerignore', 'Containerfile', 'f', 'sub', 'sub/Dockerfile', 'sub/g']);
  for (const [location, content] of [
    [`${url}#side`, 'side'],
    [`${url}#${first}`, 'main'],
    [`${url}?branch=side`, 'side'],
  ] as const) {
    const image = await output(box, undefined, location);
    assert.equal(image.layers[0]?.get('f')?.content.toString(), content);
  }
  assert.deepEqual(namesIn(await output(box, undefined, `${url}#main:sub`)), ['g']);
  const inside = await box.tsbuild('-f', 'sub/Dockerfile', url).fails({ exit: 1, stderr: /Cannot copy "g"/ });
  assert.match(inside.stderr, /sub\/g/);
  await box.tsbuild(`${url}#main:none`).fails({ exit: 2, stderr: /it has no folder "none"/ });
  await box.tsbuild(`${url}#none`).fails({ exit: 1, stderr: /repository does not contain ref "none"/ });
  assert.deepEqual(leftOvers(box), []);
});

test('A32: a context keeps its .git folder when it is asked to', withGit, async () => {
  await using server = await GitServer.start();
  server.repository('app').write('Containerfile', 'FROM scratch\nCOPY .git/HEAD /\n').commit('one');
  using box = sandbox();
  assert.deepEqual(namesIn(await output(box, undefined, `${server.url('app')}?keep-git-dir=true`)), ['HEAD']);
  assert.deepEqual(namesIn(await output(box, undefined, '--build-arg', 'BUILDKIT_CONTEXT_KEEP_GIT_DIR=1', server.url('app'))), [
    'HEAD',
  ]);
  await box.tsbuild(server.url('app')).fails({ exit: 1, stderr: /Cannot copy ".git\/HEAD"/ });
});

test('--build-context takes repositories and archives, each fetched once and only when it is used', withGit, async () => {
  await using git = await GitServer.start();
  git.repository('lib').write('.dockerignore', '*').write('g', 'from git').commit('one');
  await using server = await FileServer.start({
    '/a.tar': { content: await layerTar([{ name: 'h', content: 'from http' }]) },
    '/text': 'no archive',
  });
  using box = sandbox();
  box.file('c/Containerfile', 'FROM scratch\nCOPY --from=lib g /\nCOPY --from=web h /\nCOPY --from=lib . /all/\n');
  const contexts = [
    '--build-context',
    `lib=${git.url('lib')}`,
    '--build-context',
    `web=${server.url}/a.tar`,
    '--build-context',
    `unused=${server.url}/none`,
  ];
  const image = await output(box, undefined, ...contexts, 'c');
  assert.deepEqual(namesIn(image), ['all', 'all/.dockerignore', 'all/g', 'g', 'h']);
  assert.deepEqual(server.log(), ['GET /a.tar 200']);
  box.file('c/Containerfile', 'FROM scratch\nCOPY --from=web h /\n');
  await box
    .tsbuild('--build-context', `web=${server.url}/text`, 'c')
    .fails({ exit: 2, stderr: /Cannot use "http:\/\/127[^"]*\/text" as context "web": it is no tar archive/ });
});

test('--build-context takes an archive on standard input', needs, async () => {
  using box = sandbox();
  box.file('c/Containerfile', 'FROM scratch\nCOPY --from=in f other /got/\n');
  const image = await output(box, gzipSync(await layerTar(members)), '--build-context', 'in=-', 'c');
  assert.deepEqual(namesIn(image), ['got', 'got/Containerfile', 'got/f']);
});

test('a build that is interrupted while it fetches leaves nothing', needs, async () => {
  const stuck = createServer((_, response) => response.writeHead(200, { 'content-length': '1000' }).write('x'));
  await listen(stuck);
  using box = sandbox();
  const run = box.tsbuildWith({ isAlone: true }, '--progress=plain', `http://${hostOf(stuck)}/x.tar`);
  await run.shows(/fetching/);
  run.child.kill('SIGINT');
  const { exit } = await run.finished();
  assert.equal(exit, 130);
  assert.deepEqual(leftOvers(box), []);
  stuck.closeAllConnections();
  stuck.close();
});

test('a build that is interrupted while git fetches ends git', withGit, async () => {
  const stuck = createServer(() => undefined);
  await listen(stuck);
  const asked = once(stuck, 'request');
  using box = sandbox();
  const run = box.tsbuildWith({ isAlone: true }, '--progress=plain', `http://${hostOf(stuck)}/x.git`);
  await asked;
  run.child.kill('SIGINT');
  assert.equal((await run.finished()).exit, 130);
  const { stdout } = await box.run(['ps', '-ef']).succeeds();
  assert.ok(!stdout.includes(`${hostOf(stuck)}/x.git`), stdout);
  assert.deepEqual(leftOvers(box), []);
  stuck.closeAllConnections();
  stuck.close();
});
