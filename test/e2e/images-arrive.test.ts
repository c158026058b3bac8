import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { CuttingProxy } from '../support/cutting-proxy.ts';
import { blobPath, digestOf, layerTar, writeBusyboxLayout, writeLayout } from '../support/images.ts';
import { startRealRegistry } from '../support/real-registry.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids', 'tool:docker-registry', 'tool:skopeo', 'tool:busybox');
const registry = needs.skip === undefined ? await startRealRegistry() : undefined;
const host = registry?.host ?? '';

after(() => registry?.[Symbol.asyncDispose]());

async function withLayout(): Promise<Sandbox & { readonly digest: string }> {
  const box = sandbox();
  const { manifestDigest } = await writeBusyboxLayout(box.at('layout'));
  return Object.assign(box, { digest: manifestDigest });
}

const uses = 'FROM base:1\nRUN test -x /bin/busybox && echo yes >/yes\n';

for (const kind of ['docker-archive', 'oci-archive']) {
  test(`load takes a ${kind} of skopeo, and a build uses it`, needs, async () => {
    using box = await withLayout();
    await box.run(['skopeo', 'copy', '-q', 'oci:layout:latest', `${kind}:a.tar:docker.io/library/base:1`]).succeeds();
    const { stdout } = await box.tsbuild('load', '-i', 'a.tar').succeeds();
    assert.equal(stdout, 'Loaded image: docker.io/library/base:1\n');
    box.file('c/Containerfile', uses);
    await box.tsbuild('--pull=never', '-t', 'upper', 'c').succeeds();
    const { stdoutBytes } = await box.tsbuild('save', 'upper').succeeds();
    assert.ok(stdoutBytes.length > 0);
  });
}

test('load reads standard input, compressed too, and gives other names', needs, async () => {
  using box = await withLayout();
  await box.run(['skopeo', 'copy', '-q', 'oci:layout:latest', 'oci-archive:a.tar']).succeeds();
  const archive = readFileSync(box.at('a.tar'));
  await box
    .tsbuildWith({ stdin: archive }, 'load')
    .fails({ exit: 2, stderr: /Cannot load standard input: its image has no name/ });
  const { stdout } = await box.tsbuildWith({ stdin: gzipSync(archive) }, 'load', '-t', 'x:1', '--name', 'y').succeeds();
  assert.equal(stdout, 'Loaded image: docker.io/library/x:1\nLoaded image: docker.io/library/y:latest\n');
  const { stdout: digests } = await box.tsbuild('images', '--format', '{{.digest}}').succeeds();
  assert.equal(digests, `${box.digest}\n${box.digest}\n`);
});

test('blobs named by sha512 are checked and kept, built on, copied and pruned', needs, async () => {
  using box = sandbox();
  const { layerDigests, manifestDigest } = await writeBusyboxLayout(box.at('layout'), { algorithm: 'sha512' });
  await box.tsbuild('load', '-t', 'base:1', 'layout').succeeds();
  assert.ok(existsSync(blobPath(box.store, layerDigests[0] ?? '')));
  box.file('c/Containerfile', uses);
  await box.tsbuild('--pull=never', '-t', 'upper', '-o', 'type=oci,tar=false,dest=upper', 'c').succeeds();
  await box.tsbuild('copy', 'store:base:1', 'oci:copy:1').succeeds();
  assert.deepEqual(readdirSync(box.at('copy/blobs')), ['sha512']);
  for (const digest of [manifestDigest, ...layerDigests]) {
    assert.deepEqual(readFileSync(blobPath(box.at('copy'), digest)), readFileSync(blobPath(box.at('layout'), digest)));
  }
  await box.tsbuild('rmi', 'base:1').succeeds();
  await box.tsbuild('prune', '--all', '--force').succeeds();
  assert.deepEqual(readdirSync(box.at('store/blobs/sha512')), []);
  writeFileSync(blobPath(box.at('layout'), layerDigests[0] ?? ''), 'other', { flag: 'r+' });
  await box.tsbuild('load', '-t', 'base:1', 'layout').fails({ exit: 4, stderr: /digest sha512:/ });
  assert.deepEqual(readdirSync(box.at('store/blobs/sha512')), []);
});

test('load takes what there is of an index', needs, async () => {
  using box = sandbox();
  box.file('c/Containerfile', 'FROM scratch\nARG TARGETARCH\nLABEL arch=$TARGETARCH\n');
  await box
    .tsbuild('--platform', 'linux/amd64,linux/arm64', '-t', 'both', '-o', 'type=oci,tar=false,dest=layout', 'c')
    .succeeds();
  await box.tsbuild('load', '-t', 'whole', 'layout').succeeds();
  const blob = (digest: string): string => box.at('layout/blobs', digest.replace(':', '/'));
  const [root] = JSON.parse(readFileSync(box.at('layout/index.json'), 'utf8')).manifests;
  const [amd, arm] = JSON.parse(readFileSync(blob(root.digest), 'utf8')).manifests;
  rmSync(blob(amd.digest));
  await box.tsbuild('load', '-t', 'part', 'layout').succeeds();
  const { stdout } = await box.tsbuild('images', '--format', '{{.digest}} {{json .platforms}}').succeeds();
  assert.equal(stdout, `${arm.digest} ["linux/arm64"]\n${root.digest} ["linux/amd64","linux/arm64"]\n`);
  await box
    .tsbuild('load', '-t', 'none', '--platform', 'linux/amd64', 'layout')
    .fails({ exit: 4, stderr: /blob sha256:\w+ is missing/ });
  await box
    .tsbuild('copy', '--all', '--platform', 'linux/arm64', 'store:whole', 'store:x')
    .fails({ exit: 2, stderr: /exclude each other/ });
});

test('load says what is wrong with what it is given', needs, async () => {
  using box = sandbox();
  box.file('empty/x').file('text', 'this is no archive'.repeat(100)).file('nothing').file('page', '<html>');
  box.file('packed', gzipSync('this is no archive')).file('other', await layerTar([{ name: 'f', content: 'x' }]));
  await box.tsbuild('load', '-i', 'missing').fails({ exit: 4, stderr: /Cannot read "missing": there is no such file or folder/ });
  const hint = '\nhint: Images are read as OCI layouts, OCI archives, or archives of docker save, plain or compressed\n';
  for (const [place, why] of [
    ['empty', 'it has neither "index.json" nor "manifest.json"'],
    ['other', 'it has neither "index.json" nor "manifest.json"'],
    ['text', 'it is text, not a tar archive'],
    ['packed', 'it is text, not a tar archive'],
    ['page', 'it is a page of HTML, not a tar archive'],
    ['nothing', 'it is empty'],
  ] as const) {
    const { stderr } = await box.tsbuild('load', '-i', place).fails({ exit: 4 });
    assert.equal(stderr, `error: Cannot read "${place}": ${why}${hint}`);
    if (place === 'empty') continue;
    const piped = await box.tsbuildWith({ stdin: readFileSync(box.at(place)) }, 'load').fails({ exit: 4 });
    assert.equal(piped.stderr, `error: Cannot read standard input: ${why}${hint}`);
  }
});

test('pull takes an image that skopeo pushed, and a build uses it with the registry gone', needs, async () => {
  using box = await withLayout();
  await box.run(['skopeo', 'copy', '-q', '--dest-tls-verify=false', 'oci:layout:latest', `docker://${host}/pulled:1`]).succeeds();
  const { stdout } = await box.tsbuild('pull', '-q', `${host}/pulled:1`).succeeds();
  const { stdout: shown } = await box.tsbuild('inspect', '--format', '{{.id}} {{.digest}}', `${host}/pulled:1`).succeeds();
  assert.equal(shown, `${stdout.trim()} ${box.digest}\n`);
  box.file('c/Containerfile', `FROM ${host}/pulled:1\nRUN echo yes >/yes\n`);
  await box.tsbuild('--pull=never', 'c').succeeds();
  await box.tsbuild('rmi', stdout.slice('sha256:'.length, 20)).succeeds();
  await box.tsbuild('pull', `${host}/pulled:none`).fails({ exit: 4, stderr: /Cannot fetch image/ });
});

/** Ours is one layer of noise, so that it is as large on the way as in the file. */
async function withNoise(size: number): Promise<Sandbox & { readonly layer: string }> {
  const box = sandbox();
  const { layerDigests } = writeLayout(box.at('layout'), {
    layers: [await layerTar([{ name: 'noise', content: randomBytes(size) }])],
  });
  return Object.assign(box, { layer: layerDigests[0] ?? '' });
}

/** What a pull leaves in a store: blobs, names, and what should have been cleared away. */
function keptIn(box: Sandbox): { readonly blobs: readonly string[]; readonly temporary: readonly string[] } {
  const [blobs, temporary] = ['blobs/sha256', 'tmp'].map((name) => readdirSync(box.at('store', name)));
  return { blobs: blobs ?? [], temporary: temporary ?? [] };
}

test('pull goes on although connections are cut at every tenth of a layer', needs, async () => {
  using box = await withNoise(2_000_000);
  await box.tsbuild('copy', '-q', 'oci:layout', `docker://${host}/cut/noise:1`).succeeds();
  await using proxy = await CuttingProxy.start(host);
  for (let tenth = 0; tenth < 9; tenth += 1) proxy.cuts.push({ direction: 'down', atByte: 200_000 });
  await box.tsbuild('pull', '-q', `${proxy.host}/cut/noise:1`).succeeds();
  assert.equal(proxy.cuts.length, 0);
  assert.equal(digestOf(readFileSync(blobPath(box.store, box.layer))), box.layer);
  assert.deepEqual(keptIn(box).temporary, []);
});

/** Cuts one connection in the middle of what it carries, and then answers nobody. */
async function cutForGood(proxy: CuttingProxy, direction: 'up' | 'down'): Promise<void> {
  proxy.cuts.push({ direction, atByte: 500_000 });
  while (proxy.cuts.length > 0) await delay(10);
  await proxy[Symbol.asyncDispose]();
}

test('a pull that is cut for good fails clearly, and keeps nothing half-written', needs, async () => {
  using box = await withNoise(2_000_000);
  await box.tsbuild('copy', '-q', 'oci:layout', `docker://${host}/cut/pulled:1`).succeeds();
  await using proxy = await CuttingProxy.start(host);
  const pull = box.tsbuild('pull', '-q', `${proxy.host}/cut/pulled:1`);
  await cutForGood(proxy, 'down');
  await pull.fails({ exit: 4, stderr: /Cannot fetch blob sha256:\w+ .*: 127\.0\.0\.1:\d+ refuses connections\n/ });
  assert.ok(!keptIn(box).blobs.includes(box.layer.slice('sha256:'.length)));
  assert.deepEqual(keptIn(box).temporary, []);
  assert.equal((await box.tsbuild('images', '--format', '{{.name}}').succeeds()).stdout, '');
  await box.tsbuild('pull', '-q', `${host}/cut/pulled:1`).succeeds();
});

test('a push that is cut for good fails clearly, and leaves the store as it was', needs, async () => {
  using box = await withNoise(2_000_000);
  await box.tsbuild('load', '-t', 'noise', 'layout').succeeds();
  const before = keptIn(box);
  await using proxy = await CuttingProxy.start(host);
  const push = box.tsbuild('push', '-q', 'noise', `${proxy.host}/cut/pushed:1`);
  await cutForGood(proxy, 'up');
  await push.fails({ exit: 4, stderr: /Cannot push .*: 127\.0\.0\.1:\d+ refuses connections\n/ });
  assert.deepEqual(keptIn(box), before);
  const pushed = `docker://${host}/cut/pushed:1`;
  await box.run(['skopeo', 'inspect', '--tls-verify=false', pushed]).fails({ exit: 1, stderr: /manifest unknown|name unknown/ });
  await box.tsbuild('push', '-q', 'noise', `${host}/cut/pushed:1`).succeeds();
  await box.run(['skopeo', 'copy', '-q', '--src-tls-verify=false', pushed, 'dir:taken']).succeeds();
});

test('layers that were pulled from a registry are mounted there, not sent', needs, async () => {
  using box = await withLayout();
  await box.run(['skopeo', 'copy', '-q', '--dest-tls-verify=false', 'oci:layout:latest', `docker://${host}/origin:1`]).succeeds();
  box.file('c/Containerfile', `FROM ${host}/origin:1\nLABEL a=b\n`);
  await box.tsbuild('-t', 'upper', 'c').succeeds();
  await box.tsbuild('push', 'upper', `${host}/mounted:1`).succeeds();
  const [layer = ''] = JSON.parse((await box.tsbuild('inspect', 'upper').succeeds()).stdout)[0].images[0].manifest.layers;
  const requests = (registry?.log() ?? '').split('\n').filter((line) => line.includes('/v2/mounted/blobs/uploads/'));
  assert.ok(
    requests.some(
      (line) => line.includes('from=origin') && line.includes(encodeURIComponent(layer.digest)) && / 201 /.test(line),
    ),
  );
});

test('copy keeps the digest between registry, layout, archives and store', needs, async () => {
  using box = await withLayout();
  const places = [
    'oci:layout:latest',
    `docker://${host}/copied:1`,
    'oci:second:name',
    'oci-archive:third.tar:x:1',
    'store:kept:1',
    `docker://${host}/copied:2`,
  ];
  for (const [index, place] of places.entries()) {
    if (index > 0) await box.tsbuild('copy', '-q', '--digestfile', 'digest', places[index - 1] ?? '', place).succeeds();
    if (index > 0) assert.equal(readFileSync(box.at('digest'), 'utf8'), box.digest, place);
  }
  for (const place of [`docker://${host}/copied:2`, 'oci:second:name', 'oci-archive:third.tar:x:1']) {
    const { stdout } = await box.run(['skopeo', 'inspect', '--tls-verify=false', '--format', '{{.Digest}}', place]).succeeds();
    assert.equal(stdout.trim(), box.digest, place);
  }
  await box.tsbuild('copy', '-q', 'store:kept:1', 'docker-archive:fourth.tar:named:1').succeeds();
  const { stdout } = await box.run(['skopeo', 'inspect', 'docker-archive:fourth.tar:named:1']).succeeds();
  assert.equal(JSON.parse(stdout).Architecture, process.arch === 'arm64' ? 'arm64' : 'amd64');
  assert.deepEqual(readdirSync(box.at('store/tmp')), []);
});

test('copy --format changes the media types and nothing else', needs, async () => {
  using box = await withLayout();
  const { stderr } = await box.tsbuild('copy', '-q', '--format', 'docker', 'oci:layout', 'oci:docker:x').succeeds();
  assert.match(stderr, /^note: .*--format oci/);
  await box.tsbuild('copy', '-q', 'oci:docker:x', `docker://${host}/formats:docker`).succeeds();
  await box.tsbuild('copy', '-q', '--format', 'oci', 'oci:docker:x', `docker://${host}/formats:oci`).succeeds();
  const raw = async (tag: string): Promise<Record<string, unknown>> => {
    const place = `docker://${host}/formats:${tag}`;
    return JSON.parse((await box.run(['skopeo', 'inspect', '--tls-verify=false', '--raw', place]).succeeds()).stdout);
  };
  const [docker, oci] = [await raw('docker'), await raw('oci')];
  assert.equal(docker['mediaType'], 'application/vnd.docker.distribution.manifest.v2+json');
  assert.equal(oci['mediaType'], 'application/vnd.oci.image.manifest.v1+json');
  assert.deepEqual(digestsIn(docker), digestsIn(oci));
});

function digestsIn(manifest: Record<string, unknown>): readonly string[] {
  return JSON.stringify(manifest).match(/sha256:[0-9a-f]{64}/g) ?? [];
}

test('copy takes one platform, or all with --all', needs, async () => {
  using box = sandbox();
  box.file('c/Containerfile', 'FROM scratch\nARG TARGETARCH\nCOPY f /$TARGETARCH\n').file('c/f', 'content');
  await box.tsbuild('--platform', 'linux/amd64,linux/arm64', '-t', `${host}/multi:1`, '--push', 'c').succeeds();
  const raw = async (name: string): Promise<string> =>
    (await box.run(['skopeo', 'inspect', '--raw', '--tls-verify=false', name]).succeeds()).stdout;
  await box.tsbuild('copy', '--all', `docker://${host}/multi:1`, 'oci-archive:all.tar:x').succeeds();
  await box.tsbuild('copy', '--all', 'oci-archive:all.tar', `docker://${host}/multi:2`).succeeds();
  assert.equal(await raw(`docker://${host}/multi:2`), await raw(`docker://${host}/multi:1`));
  await box.tsbuild('copy', '--platform', 'linux/arm64', 'oci-archive:all.tar:x', `docker://${host}/multi:arm`).succeeds();
  const { stdout } = await box
    .run(['skopeo', 'inspect', '--tls-verify=false', '--config', `docker://${host}/multi:arm`])
    .succeeds();
  assert.equal(JSON.parse(stdout).architecture, 'arm64');
  await box
    .tsbuild('copy', '--platform', 'linux/s390x', `docker://${host}/multi:1`, 'oci:out')
    .fails({ exit: 4, stderr: /for linux\/s390x: it is there for linux\/amd64, linux\/arm64/ });
  await box
    .tsbuild('copy', '--all', `docker://${host}/multi:1`, 'docker-archive:no.tar')
    .fails({ exit: 2, stderr: /Cannot write several platforms to a docker archive/ });
});

test('copy checks what it moves', needs, async () => {
  using box = sandbox();
  const { layerDigests } = writeLayout(box.at('layout'), { layers: [await layerTar([{ name: 'f', content: 'x'.repeat(100) }])] });
  const blob = box.at('layout/blobs', (layerDigests[0] ?? '').replace(':', '/'));
  const bytes = readFileSync(blob);
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
  box.file(`layout/blobs/${(layerDigests[0] ?? '').replace(':', '/')}`, bytes);
  await box.tsbuild('copy', 'oci:layout', 'oci-archive:out.tar').fails({ exit: 4, stderr: /the content has the digest/ });
  await box.tsbuild('copy', 'oci:layout', 'store:x').fails({ exit: 4, stderr: /the content has the digest/ });
  await box.tsbuild('copy', 'oci:layout', `docker://${host}/bad`).fails({ exit: 4, stderr: /digest/i });
});

test('an archive that may not be read is told in words, with what to do', requires('root', 'user:single'), async () => {
  using box = sandbox({ user: 'single' });
  box.file('closed.tar', '', { mode: 0 }).folder('locked');
  await box.run(['chown', 'root:root', 'locked'], { staysRoot: true }).succeeds();
  await box.run(['chmod', '700', 'locked'], { staysRoot: true }).succeeds();
  for (const [args, place] of [
    [['load', '-i', 'closed.tar'], '.*closed.tar"?'],
    [['load', '-i', 'locked/x.tar'], '.*locked/x.tar"?'],
    [['copy', 'oci-archive:closed.tar', 'oci:out'], 'oci-archive:closed.tar'],
  ] as const) {
    const stderr = new RegExp(`^error: Cannot read ${place}: permission denied\\nhint: You must be able to read it`);
    await box.tsbuild(...args).fails({ exit: 4, stderr });
  }
});

test('an image of another platform than --platform names is refused, index or not', needs, async () => {
  using box = sandbox();
  box.file('c/Containerfile', 'FROM scratch\nCOPY f /f\n').file('c/f', 'content');
  await box.tsbuild('--platform', 'linux/arm64', '-t', `${host}/arm:1`, '--push', 'c').succeeds();
  await box.tsbuild('save', '-o', 'arm.tar', `${host}/arm:1`).succeeds();
  const place = `docker://${host}/arm:1`;
  const refused = {
    exit: 4,
    stderr: /for linux\/amd64: it is there for linux\/arm64 alone\nhint: Leave --platform out to take it as it is\n/,
  };
  for (const args of [
    ['pull', `${host}/arm:1`],
    ['copy', place, 'store:x'],
    ['copy', `store:${host}/arm:1`, 'oci:out'],
    ['copy', 'docker-archive:arm.tar', 'store:x'],
    ['load', '-i', 'arm.tar'],
    ['save', '-o', 'no.tar', `${host}/arm:1`],
  ]) {
    const [command = '', ...others] = args;
    await box.tsbuild(command, '--platform', 'linux/amd64', ...others).fails(refused);
    const withStore = command === 'copy' && others[1] === 'oci:out' ? ['store:y'] : others.slice(1);
    await box.tsbuild(command, '--platform', 'linux/arm64', ...others.slice(0, 1), ...withStore).succeeds();
  }
  assert.deepEqual(readdirSync(box.path).toSorted(), ['arm.tar', 'c', 'no.tar', 'store']);
  // The default means "of several", as with docker.
  await box.tsbuildWith({ environment: { DOCKER_DEFAULT_PLATFORM: 'linux/amd64' } }, 'pull', `${host}/arm:1`).succeeds();
});
