import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { FileServer } from '../support/file-server.ts';
import { type ArchivedFile, type ReadImage, readImage } from '../support/image-archive.ts';
import { digestOf, layerTar } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids');
const archive = gzipSync(await layerTar([{ name: 'in/side', content: 'packed' }]));
const digest = digestOf('hello');
const lastModified = 'Sat, 03 Feb 2001 04:05:06 GMT';

async function build(box: Sandbox, text: string, ...args: readonly string[]): Promise<ReadImage> {
  box.file('c/Containerfile', `FROM scratch\n${text}\n`);
  await box.tsbuild(...args, '-o', 'type=oci,dest=o.tar', 'c').succeeds();
  return readImage(box.at('o.tar'));
}

interface Row {
  readonly name: string;
  readonly add: string;
  /** `name mode uid:gid mtime content` of every file. */
  readonly gives: readonly string[];
}

const rows: readonly Row[] = [
  {
    name: 'A01: takes its name from the last element of the path',
    add: 'ADD URL/dir/f.txt /d/',
    gives: ['d/f.txt 600 0:0 981173106 hello'],
  },
  { name: 'A02: is __unnamed__ when the path has no name', add: 'ADD URL/ /d/', gives: ['d/__unnamed__ 600 0:0 981173106 root'] },
  {
    name: 'A08: gets the name of a destination that is a file',
    add: 'ADD URL/dir/f.txt /new',
    gives: ['new 600 0:0 981173106 hello'],
  },
  { name: 'decodes its name', add: 'ADD URL/a%20b /d/', gives: ['d/a b 600 0:0 0 blank'] },
  { name: 'has the time 0 when the server says nothing', add: 'ADD URL/plain /f', gives: ['f 600 0:0 0 plain'] },
  { name: 'A07: stays an archive', add: 'ADD --chmod=644 URL/t.tar.gz /d/', gives: ['d/t.tar.gz 644 0:0 0 GZIP'] },
  {
    name: 'A07: is unpacked with --unpack=true',
    add: 'ADD --unpack=true URL/t.tar.gz /d/',
    gives: ['d/in/side 644 0:0 0 packed'],
  },
  {
    name: 'is not what --exclude means, which is relative to it',
    add: 'ADD --exclude=* URL/plain /d/',
    gives: ['d/plain 600 0:0 0 plain'],
  },
  {
    name: 'is unpacked whole, whatever --exclude says',
    add: 'ADD --unpack --exclude=** --exclude=in URL/t.tar.gz /e/',
    gives: ['e/in/side 644 0:0 0 packed'],
  },
  { name: 'A14: obeys --chmod and --chown', add: 'ADD --chmod=0413 --chown=7:8 URL/plain /f', gives: ['f 413 7:8 0 plain'] },
  {
    name: 'A16: may have the digest of a variable',
    add: `ENV D=${digest} U=URL\nADD --checksum=$D $U/dir/f.txt /f`,
    gives: ['f 600 0:0 981173106 hello'],
  },
  { name: 'follows redirects, and keeps its own name', add: 'ADD URL/moved /d/', gives: ['d/moved 600 0:0 981173106 hello'] },
  { name: 'is tried again when the connection breaks', add: 'ADD URL/breaking /f', gives: ['f 600 0:0 0 in the end'] },
  {
    name: 'comes together with other sources',
    add: 'ADD local URL/dir/f.txt <<EOF /m/\nheredoc\nEOF',
    gives: ['m/EOF 644 0:0 315619200 heredoc\n', 'm/f.txt 600 0:0 981173106 hello', 'm/local 644 0:0 315619200 mine'],
  },
];

async function startServer(): Promise<FileServer> {
  return FileServer.start({
    '/dir/f.txt': { content: 'hello', lastModified },
    '/': { content: 'root', lastModified },
    '/a%20b': 'blank',
    '/plain': 'plain',
    '/t.tar.gz': { content: archive },
    '/moved': { content: '', redirect: '/dir/f.txt' },
    '/breaking': { content: 'in the end', breaks: { after: 3, times: 2 } },
  });
}

test('a file of a URL', needs, async (t) => {
  await using server = await startServer();
  using box = sandbox();
  box.file('c/local', 'mine');
  // One build for all; each row makes one layer.
  const { layers } = await build(box, rows.map(({ add }) => add.replaceAll('URL', server.url)).join('\n'));
  for (const [row, { name, gives }] of rows.entries()) {
    await t.test(name, () => {
      const files = [...(layers[row]?.values() ?? [])].filter(({ header }) => header.type === 'file');
      assert.deepEqual(files.map(described), gives);
    });
  }
});

function described({ header, content }: ArchivedFile): string {
  const shown = content.equals(archive) ? 'GZIP' : content.toString();
  const time = Math.floor((header.mtime?.getTime() ?? 0) / 1000);
  return `${header.name} ${header.mode?.toString(8)} ${header.uid}:${header.gid} ${time} ${shown}`;
}

const mistakes: readonly (readonly [name: string, add: string, stderr: readonly RegExp[]])[] = [
  [
    'A17: with another digest',
    `ADD --checksum=${digestOf('x')} URL/plain /f`,
    [/digest mismatch/, new RegExp(digestOf('plain')), /Containerfile:2/],
  ],
  [
    'that is not there',
    'ADD URL/absent /f',
    [/Cannot download "http:\/\/127\.0\.0\.1:\d+\/absent": .* answered 404/, /Containerfile:2/],
  ],
  ['that needs a password', 'ADD http://me:geheim@HOST/private /f', [/answered 401/]],
];

for (const [name, add, stderr] of mistakes) {
  test(`a URL ${name} ends the build`, needs, async () => {
    await using server = await startServer();
    server.put('/private', { content: 'private', authorization: 'Bearer right' });
    using box = sandbox();
    box.file('c/Containerfile', `FROM scratch\n${add.replace('URL', server.url).replace('HOST', server.host)}\n`);
    const finished = await box.tsbuild('c').fails({ exit: 1, stderr });
    // The frame shows the Containerfile's own line; nothing else does.
    assert.doesNotMatch(finished.stderr.replace(/^.*\| .*$/gm, ''), /geheim/);
  });
}

test('A17: digests that cannot be checked are refused before anything is fetched', needs, async () => {
  using box = sandbox();
  for (const [checksum, why] of [
    ['md5:7e55db001d319a94b0b713529a756623', /unsupported digest algorithm/],
    ['sha256:short', /invalid checksum digest format/],
    [digest.slice(7), /invalid checksum digest format/],
  ] as const) {
    box.file('c/Containerfile', `FROM scratch\nADD --checksum=${checksum} http://127.0.0.1:1/x /\n`);
    await box.tsbuild('c').fails({ exit: 2, stderr: why });
  }
});

test('A03: a URL that has not changed is asked for, not fetched, and the step is cached', needs, async () => {
  await using server = await startServer();
  using box = sandbox();
  const text = `ADD ${server.url}/dir/f.txt /\nADD --checksum=${digestOf('plain')} ${server.url}/plain /p`;
  const first = await build(box, text);
  assert.deepEqual(server.log(), ['GET /dir/f.txt 200', 'GET /plain 200']);
  const agents = server.requests.map(({ headers }) => headers['user-agent']);
  assert.ok(agents.every((agent) => agent?.startsWith('tsbuild')));
  const { stderr } = await box.tsbuild('--progress=plain', '-o', 'type=oci,dest=o.tar', 'c').succeeds();
  // What has a digest is not even asked for.
  assert.deepEqual(server.log(), ['GET /dir/f.txt 304']);
  assert.equal(stderr.match(/CACHED/g)?.length, 2);
  assert.equal((await readImage(box.at('o.tar'))).manifestDigest, first.manifestDigest);
});

test('a URL without validators is fetched again, and cached if it gives the same', needs, async () => {
  await using server = await FileServer.start({ '/f': { content: 'same', hasEtag: false } });
  using box = sandbox();
  await build(box, `ADD ${server.url}/f /`);
  const { stderr } = await box.tsbuild('--progress=plain', 'c').succeeds();
  assert.match(stderr, /CACHED/);
  server.put('/f', 'other');
  const { layers } = await build(box, `ADD ${server.url}/f /`);
  assert.equal(layers[0]?.get('f')?.content.toString(), 'other');
});

const secrets: readonly (readonly [id: string, value: string, wanted: string])[] = [
  ['HTTP_AUTH_TOKEN_HOST', 'geheim', 'Bearer geheim'],
  ['HTTP_AUTH_HEADER_HOST', 'Basic Z2VoZWlt', 'Basic Z2VoZWlt'],
  ['HTTP_AUTH_TOKEN_127.0.0.1', 'geheim', 'Bearer geheim'],
];

for (const [id, value, wanted] of secrets) {
  test(`the secret ${id} opens URLs of its host, and goes nowhere else`, needs, async () => {
    await using other = await FileServer.start({ '/f': 'elsewhere' });
    await using server = await FileServer.start({
      '/private': { content: 'inside', authorization: wanted },
      '/away': { content: '', redirect: `${other.url}/f` },
    });
    using box = sandbox();
    box.file('token', `${value}\n`);
    const text = `ADD ${server.url}/private ${server.url}/away /`;
    const { layers } = await build(box, text, '--secret', `id=${id.replace('HOST', server.host)},src=${box.at('token')}`);
    assert.equal(layers[0]?.get('private')?.content.toString(), 'inside');
    assert.ok(other.requests.every(({ headers }) => headers.authorization === undefined));
    assert.deepEqual(filesWith(box.store, 'geheim'), []);
  });
}

test('credentials in a URL are used, and kept out of the store and the messages', needs, async () => {
  await using server = await FileServer.start({
    '/private': { content: 'inside', authorization: `Basic ${Buffer.from('me:geheim').toString('base64')}` },
  });
  using box = sandbox();
  box.file('c/Containerfile', `FROM scratch\nADD http://me:geheim@${server.host}/private /\n`);
  const { stderr } = await box.tsbuild('--progress=plain', 'c').succeeds();
  assert.doesNotMatch(stderr, /geheim/);
  assert.deepEqual([...filesWith(box.store, 'geheim'), ...filesWith(box.store, Buffer.from('me:geheim').toString('base64'))], []);
});

function filesWith(folder: string, text: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((file) => statSync(file, { throwIfNoEntry: false })?.isFile() === true && readFileSync(file).includes(text));
}
