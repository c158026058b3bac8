import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readImage } from '../support/image-archive.ts';
import { writeBusyboxLayout } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { sandbox } from '../support/sandbox.ts';

const needs = requires('user:subids', 'tool:busybox');
const base = ['--build-context', 'base=oci-layout://base'] as const;

test('files are copied from a stage, and the other stages are left out', needs, async () => {
  using box = sandbox();
  await writeBusyboxLayout(box.at('base'));
  box.file(
    'c/Containerfile',
    `FROM base AS unused
RUN echo unused >&2; exit 1
FROM base AS build
RUN mkdir /out && echo made > /out/app && chmod 750 /out/app
FROM scratch AS image
COPY --from=build /out/app /app
`,
  );
  const { stderr } = await box.tsbuild(...base, '-o', 'type=oci,dest=o.tar', 'c').succeeds();
  assert.doesNotMatch(stderr, /unused/);
  const { layers } = await readImage(box.at('o.tar'));
  assert.deepEqual(
    layers.map((layer) => [...layer.keys()]),
    [['app']],
  );
  assert.equal(layers[0]?.get('app')?.header.mode, 0o750);
});

test('--target ends the build at a stage, whatever its letter case', needs, async () => {
  using box = sandbox();
  await writeBusyboxLayout(box.at('base'));
  box.file('c/Containerfile', 'FROM base AS first\nRUN touch /first\nFROM first AS second\nRUN exit 1\n');
  await box.tsbuild(...base, '--target', 'FIRST', '-o', 'type=oci,dest=o.tar', 'c').succeeds();
  const { layers } = await readImage(box.at('o.tar'));
  assert.deepEqual([...(layers[1]?.keys() ?? [])], ['first']);
});

test('stages that do not need each other run at the same time', needs, async () => {
  using box = sandbox();
  await writeBusyboxLayout(box.at('base'));
  // Each waits for the other's first word through the shared folder of the machine, which only works when both run.
  box.folder('meet');
  box.file(
    'c/Containerfile',
    `FROM base AS a
RUN touch /meet/a; while [ ! -e /meet/b ]; do sleep 0.05; done; touch /a
FROM base AS b
RUN touch /meet/b; while [ ! -e /meet/a ]; do sleep 0.05; done; touch /b
FROM scratch
COPY --from=a /a /
COPY --from=b /b /
`,
  );
  const run = box.tsbuild(...base, '--jobs', '2', '--volume', `${box.at('meet')}:/meet`, '-o', 'type=oci,dest=o.tar', 'c');
  const timer = setTimeout(() => run.child.kill('SIGKILL'), 600_000);
  await run.succeeds();
  clearTimeout(timer);
});
