import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { readImage } from '../support/image-archive.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids');
const both = '--platform=linux/amd64,linux/arm/v7';

function prepared(): Sandbox {
  const text = 'FROM scratch AS shared\nCOPY common /\nFROM shared\nARG TARGETPLATFORM TARGETARCH\nCOPY file-$TARGETARCH /file\n';
  return sandbox().file('c/Containerfile', text).file('c/common').file('c/file-amd64', 'a').file('c/file-arm', 'b');
}

test('an archive of several platforms holds one index, which names them in the order asked for', needs, async () => {
  using box = prepared();
  await box.tsbuild(both, '-t', 'x:1', '-o', 'type=oci,tar=false,dest=layout', 'c').succeeds();
  const json = (name: string) => JSON.parse(readFileSync(box.at('layout', name), 'utf8'));
  const { manifests }: { manifests: { digest: string; mediaType: string; annotations: Record<string, string> }[] } =
    json('index.json');
  assert.deepEqual(
    manifests.map(({ mediaType, annotations }) => [mediaType, annotations['org.opencontainers.image.ref.name']]),
    [['application/vnd.oci.image.index.v1+json', '1']],
  );
  const nested: { manifests: { platform: object }[] } = json(`blobs/${manifests[0]?.digest.replace(':', '/')}`);
  assert.deepEqual(
    nested.manifests.map(({ platform }) => platform),
    [
      { architecture: 'amd64', os: 'linux' },
      { architecture: 'arm', os: 'linux', variant: 'v7' },
    ],
  );
});

/** The files of an output, and what is in them. */
function filesIn(box: Sandbox, type: 'local' | 'tar'): readonly string[] {
  if (type === 'tar') {
    mkdirSync(box.at('out'));
    execFileSync('tar', ['-xf', box.at('out.tar'), '-C', box.at('out')]);
  }
  const entries = readdirSync(box.at('out'), { recursive: true, withFileTypes: true });
  const text = (file: string): string => `${relative(box.at('out'), file)}=${readFileSync(file, 'utf8')}`;
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => text(join(parentPath, name)))
    .toSorted();
}

test('BUILDKIT_MULTI_PLATFORM makes an index and a folder for one platform too', needs, async () => {
  using box = prepared();
  const flags = ['--build-arg', 'BUILDKIT_MULTI_PLATFORM=1', '--platform=linux/amd64'];
  await box.tsbuild(...flags, '-o', 'type=oci,tar=false,dest=layout', '-o', 'out', 'c').succeeds();
  const index: { manifests: { mediaType: string }[] } = JSON.parse(readFileSync(box.at('layout/index.json'), 'utf8'));
  assert.deepEqual(
    index.manifests.map(({ mediaType }) => mediaType),
    ['application/vnd.oci.image.index.v1+json'],
  );
  assert.deepEqual(readdirSync(box.at('out')), ['linux_amd64']);
  await box
    .tsbuild(...flags, '-o', 'type=docker,dest=x', 'c')
    .fails({ exit: 2, stderr: /hint: .* without BUILDKIT_MULTI_PLATFORM/ });
});

for (const type of ['local', 'tar'] as const) {
  const output = `type=${type},dest=out${type === 'tar' ? '.tar' : ''}`;

  test(`type=${type} has a folder for each platform`, needs, async () => {
    using box = prepared();
    await box.tsbuild(both, '-o', output, 'c').succeeds();
    assert.deepEqual(filesIn(box, type), [
      'linux_amd64/common=',
      'linux_amd64/file=a',
      'linux_arm_v7/common=',
      'linux_arm_v7/file=b',
    ]);
  });

  test(`type=${type} has a folder for one platform when it should`, needs, async () => {
    using box = prepared();
    await box.tsbuild('--platform=linux/arm/v7', '-o', `${output},platform-split`, 'c').succeeds();
    assert.deepEqual(filesIn(box, type), ['linux_arm_v7/common=', 'linux_arm_v7/file=b']);
  });

  test(`type=${type} merges platforms when it should`, needs, async () => {
    using box = prepared();
    box.file('c/Containerfile', 'FROM scratch\nARG TARGETARCH\nCOPY file-$TARGETARCH /d/\n');
    await box.tsbuild(both, '-o', `${output},platform-split=false`, 'c').succeeds();
    assert.deepEqual(filesIn(box, type), ['d/file-amd64=a', 'd/file-arm=b']);
  });

  test(`type=${type} refuses to merge files of one name, and leaves nothing`, needs, async () => {
    using box = prepared();
    const stderr = [
      /^error: Cannot write "common" of linux\/arm\/v7: linux\/amd64 has written it already$/m,
      /hint: .*leave out platform-split=false/,
    ];
    await box.tsbuild(both, '-o', `${output},platform-split=false`, 'c').fails({ exit: 5, stderr });
    assert.deepEqual(readdirSync(box.path).toSorted(), ['c', 'store']);
  });
}

test('archives of several platforms are the same bytes again', needs, async () => {
  using box = prepared();
  for (const name of ['one', 'two']) await box.tsbuild(both, '-o', `type=tar,dest=${name}`, 'c').succeeds();
  assert.ok(readFileSync(box.at('one')).equals(readFileSync(box.at('two'))));
});

test('type=docker refuses several platforms before anything is built', needs, async () => {
  using box = prepared();
  await box
    .tsbuild(both, '-o', 'type=docker,dest=x', 'c')
    .fails({ exit: 2, stderr: [/^error: Cannot write several platforms with type=docker: /, /hint: Use type=/] });
  assert.equal(existsSync(box.at('store')), false);
});

test('a platform that is named twice is built once, and a single one makes no index', needs, async () => {
  using box = prepared();
  const { stderr } = await box.tsbuild('--platform=linux/amd64,amd64', '-o', 'type=oci,tar=false,dest=layout', 'c').succeeds();
  assert.match(stderr, /\(2 steps, 0 cached\)/);
  assert.match(
    readFileSync(box.at('layout/index.json'), 'utf8'),
    /"manifests":\[\{"mediaType":"application\/vnd.oci.image.manifest/,
  );
});

test('steps that are the same for several platforms are done once', needs, async () => {
  using box = prepared();
  const text = 'FROM --platform=$BUILDPLATFORM base AS shared\nCOPY common /made\nFROM scratch\nCOPY --from=shared /made /\n';
  box.file('c/Containerfile', text);
  const { writeBusyboxLayout } = await import('../support/images.ts');
  await writeBusyboxLayout(box.at('base'));
  const { stderr } = await box
    .tsbuild(both, '--no-cache', '--build-context', 'base=oci-layout://base', '-o', 'type=none', 'c')
    .succeeds();
  const copies = [...stderr.matchAll(/^#(\d+) \[[^\]]*shared 2\/2\] COPY common/gm)].map(([, id]) => id);
  const ended = [...new Set(copies)].map((id) => new RegExp(`^#${id} (CACHED|DONE)`, 'm').exec(stderr)?.[1]);
  assert.deepEqual(ended.toSorted(), ['CACHED', 'DONE']);
});

test('a platform that cannot be read is an error of usage', needs, async () => {
  using box = prepared();
  await box
    .tsbuild('--platform=linux/', '-o', 'type=none', 'c')
    .fails({ exit: 2, stderr: /Cannot use the platform "linux\/": expected OS\/ARCH/ });
});

const windowsRows: readonly [instructions: string, stderr: RegExp][] = [
  ['RUN ["/x.exe"]', /Cannot run commands of windows: only those of Linux can be run/],
  ['COPY common /', /Cannot make a layer for windows\/amd64: layers for Windows hold their files in another form[^]*:2/],
  ['ADD common /', /Cannot make a layer for windows\/amd64/],
  ['WORKDIR /app', /Cannot make a layer for windows\/amd64/],
  ['ENV a=b\nFROM scratch\nCOPY --from=0 /x /', /Cannot make a layer for windows\/amd64/],
];

for (const [instructions, stderr] of windowsRows) {
  test(`${instructions.replaceAll('\n', ' ')} for Windows is refused before anything runs`, needs, async () => {
    using box = prepared().file('c/Containerfile', `FROM scratch\n${instructions}\n`);
    await box.tsbuild('--platform=windows/amd64', '-o', 'type=none', 'c').fails({ exit: 2, stderr });
  });
}

test('the configuration of an image for Windows is as BuildKit makes it', needs, async () => {
  using box = prepared().file('c/Containerfile', 'FROM scratch\nENV a=b\nCMD dir\nENTRYPOINT foo\n');
  await box.tsbuild('--platform=windows/amd64', '-o', 'type=oci,dest=o.tar', 'c').succeeds();
  const { Env, Cmd, Entrypoint, WorkingDir } = (await readImage(box.at('o.tar'))).config.config;
  assert.deepEqual(
    { Env, Cmd, Entrypoint, WorkingDir },
    { Env: ['a=b'], Cmd: ['cmd', '/S', '/C', 'dir'], Entrypoint: ['cmd', '/S', '/C', 'foo'], WorkingDir: '\\' },
  );
});

test('layers of other systems can be made', needs, async () => {
  using box = prepared().file('c/Containerfile', 'FROM scratch\nCOPY common /\n');
  await box.tsbuild('--platform=freebsd/amd64', '-o', 'type=none', 'c').succeeds();
});
