import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { foreignArchitecture, foreignEmulator, ownArchitecture, ownEmulators, programPath } from '../support/emulation.ts';
import { readImage } from '../support/image-archive.ts';
import { startRealRegistry } from '../support/real-registry.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const machines: Readonly<Record<string, string>> = { arm64: 'aarch64', amd64: 'x86_64' };
const both = `linux/${ownArchitecture},linux/${foreignArchitecture}`;
const needs = ownEmulators('user:subids', `tool:busybox-${foreignArchitecture}`, `tool:${foreignEmulator}`, 'tool:busybox');

const file = `FROM scratch
ARG TARGETARCH
COPY busybox-$TARGETARCH /bin/busybox
RUN ["/bin/busybox", "--install", "/bin"]
RUN uname -m > /machine && test "$(id -u)" = 0 && (exit 3; true) | cat && echo $0 > /name
USER 1000:1000
RUN --network=none cp /bin/true /tmp-true 2>/dev/null || echo refused as $(id -u)
`;

function prepared(): Sandbox {
  const box = sandbox().file('c/Containerfile', file);
  box.file(`c/busybox-${ownArchitecture}`, readFileSync(programPath('busybox')), { mode: 0o755 });
  const foreign = readFileSync(programPath(`busybox-${foreignArchitecture}`));
  return box.file(`c/busybox-${foreignArchitecture}`, foreign, { mode: 0o755 });
}

test('RUN works for another platform as an ordinary user', needs, async () => {
  using box = prepared();
  const { stderr } = await box.tsbuild('--platform', `linux/${foreignArchitecture}`, '-o', 'type=oci,dest=o.tar', 'c').succeeds();
  assert.match(stderr, /refused as 1000/);
  const { config, layers } = await readImage(box.at('o.tar'));
  assert.equal(config.architecture, foreignArchitecture);
  const files = layers[2];
  assert.equal(files?.get('machine')?.content.toString(), `${machines[foreignArchitecture]}\n`);
  assert.equal(files?.get('name')?.content.toString(), '/bin/sh\n');
  // Nothing of the emulator gets into the layer.
  assert.deepEqual([...(files?.keys() ?? [])].toSorted(), ['machine', 'name']);
});

test('what was run for another platform is cached for it, whatever emulates it, and not for this one', needs, async () => {
  using box = prepared();
  const foreign = ['--platform', `linux/${foreignArchitecture}`, '-o', 'type=none', 'c'];
  const chosen = ['--emulator', `${foreignArchitecture}=${programPath(foreignEmulator)}`];
  await box.tsbuild(...foreign).succeeds();
  assert.match((await box.tsbuild(...foreign).succeeds()).stderr, /\(4 steps, 4 cached\)/);
  assert.match((await box.tsbuild(...chosen, ...foreign).succeeds()).stderr, /\(4 steps, 4 cached\)/);
  assert.match((await box.tsbuild('-o', 'type=none', 'c').succeeds()).stderr, /\(4 steps, 0 cached\)/);
});

test('several platforms make an index, in an archive and in a registry', {
  ...needs,
  ...requires('tool:skopeo', 'tool:docker-registry'),
}, async () => {
  using box = prepared();
  await using registry = await startRealRegistry();
  const name = `${registry.host}/app:1`;
  const outputs = ['-o', 'type=oci,dest=o.tar', '--push', '-t', name];
  const { stderr } = await box.tsbuild('--platform', both, ...outputs, 'c').succeeds();
  assert.match(stderr, new RegExp(`\\[linux/${foreignArchitecture} 2/4\\] RUN`));
  for (const from of ['oci-archive:o.tar', `docker://${name}`]) {
    const inspect = ['skopeo', 'inspect', '--tls-verify=false'];
    const raw = JSON.parse((await box.run([...inspect, '--raw', from]).succeeds()).stdout);
    assert.equal(raw.mediaType, 'application/vnd.oci.image.index.v1+json');
    assert.deepEqual(
      raw.manifests.map(({ platform }: { platform: object }) => platform),
      [ownArchitecture, foreignArchitecture].map((architecture) => ({ architecture, os: 'linux' })),
    );
    for (const architecture of [ownArchitecture, foreignArchitecture]) {
      const one = JSON.parse((await box.run([...inspect, '--override-arch', architecture, '--config', from]).succeeds()).stdout);
      assert.equal(one.architecture, architecture);
    }
  }
});

test('without an emulator the error says what to install', needs, async () => {
  using box = prepared().folder('empty');
  // Where the machine has one registered there is nothing to miss.
  const outcome = box.tsbuildWith(
    { environment: { PATH: box.at('empty') } },
    '--platform',
    `linux/${foreignArchitecture}`,
    '-o',
    'type=none',
    'c',
  );
  const { exit, stderr } = await outcome.finished();
  if (exit === 0) return;
  assert.equal(exit, 1);
  assert.match(
    stderr,
    new RegExp(`Cannot start "/bin/busybox": /bin/busybox is for another processor \\(${foreignArchitecture}\\)`),
  );
  assert.match(
    stderr,
    /hint: No emulator for .* install the package qemu-user-static, or name a static emulator with --emulator/,
  );
});
