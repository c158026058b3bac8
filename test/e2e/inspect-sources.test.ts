import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { FileServer } from '../support/file-server.ts';
import { GitServer } from '../support/git-server.ts';
import { layerTar } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const withGit = requires('tool:git');

// One warning, one argument, one named stage: enough to see that the right file was read.
const file = 'FROM scratch AS app\nARG V=1\nENV name value\n';
const archived = [
  { name: 'Containerfile', content: file },
  { name: 'other/Dockerfile', content: 'FROM scratch AS other\nARG V\nENV name value\n' },
];

/** What each of the three commands says of a source. */
async function inspected(box: Sandbox, stdin: string | Uint8Array | undefined, ...args: readonly string[]): Promise<void> {
  const options = stdin === undefined ? {} : { stdin };
  const { stdout } = await box.tsbuildWith(options, 'check', ...args).fails({ exit: 1 });
  assert.match(stdout, /^warning: LegacyKeyValueFormat: .*\n --> \S+:3:1\n/);
  assert.match((await box.tsbuildWith(options, 'outline', ...args).succeeds()).stdout, /\nV( +1)?\n/);
  assert.match((await box.tsbuildWith(options, 'targets', ...args).succeeds()).stdout, /\n(app|other) \(default\) +scratch\n/);
  // The store may have been opened, but nothing of the source stays in its way.
  if (existsSync(`${box.store}/tmp`)) assert.deepEqual(readdirSync(`${box.store}/tmp`), []);
}

test('I06: check, outline and targets read a Containerfile behind a URL, as context and with -f', async () => {
  await using server = await FileServer.start({ '/file': file });
  using box = sandbox();
  await inspected(box, undefined, `${server.url}/file`);
  await inspected(box, undefined, '-f', `${server.url}/file`, '.');
});

test('I06: check, outline and targets read an archive behind a URL, and -f inside it', async () => {
  await using server = await FileServer.start({ '/context.tgz': { content: gzipSync(await layerTar(archived)) } });
  using box = sandbox();
  await inspected(box, undefined, `${server.url}/context.tgz`);
  await inspected(box, undefined, '-f', 'other/Dockerfile', `${server.url}/context.tgz`);
});

test('a URL that wants a token is given the secret', async () => {
  await using server = await FileServer.start({ '/file': { content: file, authorization: 'Bearer t' } });
  using box = sandbox();
  box.file('token', 't');
  await inspected(box, undefined, '--secret', 'id=HTTP_AUTH_TOKEN_127.0.0.1,src=token', '-f', `${server.url}/file`, '.');
  await box.tsbuild('check', '-f', `${server.url}/file`, '.').fails({ exit: 4, stderr: /401|authoriz|credential/i });
});

test('I04: check, outline and targets read a tar and a Containerfile on standard input', async () => {
  using box = sandbox();
  const tar = await layerTar(archived);
  await inspected(box, file, '-');
  await inspected(box, tar, '-');
  await inspected(box, tar, '-f', 'other/Dockerfile', '-');
  await inspected(box, file, '-f', '-', '.');
});

test('I05: check, outline and targets read a git context', withGit, async () => {
  await using server = await GitServer.start();
  using box = sandbox();
  const repository = server.repository('r');
  repository.write('sub/Containerfile', file).commit('first');
  await inspected(box, undefined, `${server.url('r')}#main:sub`);
});

test('check, outline and targets read several files as one', async () => {
  using box = sandbox();
  box.file('a', 'FROM scratch AS app\n').file('b', 'ARG V=1\nENV name value\n');
  const flags = ['-f', 'a', '-f', 'b', '.'];
  assert.match(
    (await box.tsbuild('check', ...flags).fails({ exit: 1 })).stdout,
    /^warning: LegacyKeyValueFormat.*\n --> b:2:1\n/,
  );
  assert.match((await box.tsbuild('outline', ...flags).succeeds()).stdout, /TARGET: app\n[\s\S]*\nV +1\n/);
  assert.match((await box.tsbuild('targets', ...flags).succeeds()).stdout, /\napp \(default\)/);
});

test('what a build refuses as a source is refused', async () => {
  using box = sandbox();
  await box.tsbuild('check', '-f', '-', '-').fails({ exit: 2, stderr: /both the context and the Containerfile/ });
  await box.tsbuild('targets', 'nowhere').fails({ exit: 2, stderr: /Cannot use context "nowhere": it does not exist/ });
  await box.tsbuildWith({ stdin: await layerTar(archived) }, 'outline', '-f', 'none', '-').fails({
    exit: 2,
    stderr: /Cannot read Containerfile "none"/,
  });
});

test('arguments come from files too', async () => {
  using box = sandbox();
  box.file('Containerfile', file).file('args', 'V=given\n');
  assert.match((await box.tsbuild('outline', '--build-arg-file', 'args', '.').succeeds()).stdout, /\nV +given\n/);
});
