import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeBusyboxLayout } from '../support/images.ts';
import { startRealRegistry } from '../support/real-registry.ts';
import { requires } from '../support/requires.ts';
import { sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

test('a base that does not exist in its registry', requires('tool:docker-registry'), async () => {
  using box = sandbox();
  await using registry = await startRealRegistry();
  box.file('Containerfile', `FROM ${registry.host}/no/such:1\nRUN true\n`);
  await box.tsbuild('.').fails({ exit: 4, stderr: [/^error: Cannot .*no\/such:1/m, /not|unknown/] });
});

test('a registry that does not answer', async () => {
  using box = sandbox();
  box.file('Containerfile', 'FROM 127.0.0.1:1/x\n');
  await box.tsbuild('.').fails({ exit: 4, stderr: /^error: Cannot .*127\.0\.0\.1:1/m });
});

test('a layout or archive that does not exist', async () => {
  using box = sandbox();
  box.file('c/Containerfile', 'FROM base\nRUN true\n');
  for (const place of ['oci-layout://nowhere', 'oci-archive:nowhere.tar', 'docker-archive:nowhere.tar']) {
    await box.tsbuild('--build-context', `base=${place}`, 'c').fails({ exit: 4, stderr: /nowhere/ });
  }
});

test('a place of this machine in a file is refused before a registry is asked', async () => {
  using box = sandbox();
  for (const place of ['docker-archive:x.tar', 'oci-archive:x.tar', 'docker-daemon:x', 'containers-storage:x', 'oci-layout:x']) {
    const stderr = [/^error: Cannot .*it names no image in a registry/, /\nhint: /];
    await box.file('Containerfile', `FROM ${place}\n`).tsbuild('.').fails({ exit: 2, stderr });
    await box.file('Containerfile', `FROM scratch\nCOPY --from=${place} /a /\n`).tsbuild('.').fails({ exit: 2, stderr });
  }
});

const asked: readonly (readonly [title: string, file: string, place: string])[] = [
  ['a base', 'FROM scratch AS a\nFROM 127.0.0.1:1/x\n', ':2:6\n  |\n2 | FROM 127.0.0.1:1/x\n  |      ^^^^^^^^^^^^^\n'],
  [
    'the image of a COPY',
    'FROM scratch\nCOPY --from=127.0.0.1:1/x /a /\n',
    ':2:13\n  |\n2 | COPY --from=127.0.0.1:1/x /a /\n  |             ^^^^^^^^^^^^^\n',
  ],
  ['the image of a mount', 'FROM scratch\nRUN --mount=type=bind,from=127.0.0.1:1/x,target=/m x\n', ':2:23\n'],
];

for (const [title, file, place] of asked) {
  test(`${title} that cannot be had is shown where the file asks for it`, async () => {
    using box = sandbox().file('Containerfile', file);
    const { stderr } = await box.tsbuild('.').fails({ exit: 4, stderr: /^error: Cannot .*127\.0\.0\.1:1/ });
    assert.ok(stderr.includes(`\n --> Containerfile${place}`), stderr);
  });
}

test('--pull=never shows where the file asks for an image', async () => {
  using box = sandbox().file('Containerfile', 'FROM nowhere\n');
  await box.tsbuild('--pull=never', '.').fails({ exit: 2, stderr: / --> Containerfile:1:6\n/ });
});

test('a required secret, or agent, that was not given is shown where the file asks for it', requires('user:subids'), async () => {
  using box = sandbox();
  await writeBusyboxLayout(box.at('base'));
  for (const kind of ['secret', 'ssh']) {
    box.file('c/Containerfile', `FROM base\nRUN --mount=type=${kind},id=key,required true\n`);
    await box.tsbuild('--build-context', 'base=oci-layout://base', 'c').fails({
      exit: 2,
      stderr: [
        new RegExp(` --> c/Containerfile:2:1\n  \\|\n2 \\| RUN --mount=type=${kind},id=key,required true\n`),
        /hint: Give it with --/,
      ],
    });
  }
});
