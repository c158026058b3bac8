import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { test } from 'node:test';
import { readImage } from '../support/image-archive.ts';
import { writeBusyboxLayout } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids', 'tool:busybox');
const both = '--platform=linux/amd64,linux/arm/v7';

// I13 of BuildKit's tests: the result of another build is an input, with its configuration for each platform.
for (const { what, output, context } of [
  { what: 'a layout', output: ['-o', 'type=oci,tar=false,dest=first'], context: 'oci-layout://first' },
  { what: 'an archive', output: ['-o', 'type=oci,dest=first.tar'], context: 'oci-archive:first.tar' },
  { what: 'an image of the store', output: ['-t', 'first'], context: 'docker-image://first' },
]) {
  test(
    `${what} of several platforms is an input with the configuration and the files of each`,
    requires('user:subids'),
    async () => {
      using box = sandbox()
        .file(
          'one/Containerfile',
          'FROM scratch\nARG TARGETARCH\nENV FIRST=$TARGETARCH\nWORKDIR /w-$TARGETARCH\nCOPY $TARGETARCH /f\n',
        )
        .file('one/amd64', 'for amd64')
        .file('one/arm', 'for arm')
        .file('two/Containerfile', 'FROM input\nENV SECOND=$FIRST\nCOPY --from=input /f /copied\n');
      await box.tsbuild(both, ...output, 'one').succeeds();
      const found = [];
      for (const platform of ['linux/amd64', 'linux/arm/v7']) {
        const flags = ['--pull=never', `--platform=${platform}`, '--build-context', `input=${context}`];
        await box.tsbuild(...flags, '-o', 'type=oci,dest=second.tar', 'two').succeeds();
        const { config, layers } = await readImage(box.at('second.tar'));
        const { Env: env, WorkingDir: cwd } = config.config;
        found.push({ env, cwd, copied: layers.at(-1)?.get('copied')?.content.toString() });
      }
      const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
      assert.deepEqual(found, [
        { env: [path, 'FIRST=amd64', 'SECOND=amd64'], cwd: '/w-amd64', copied: 'for amd64' },
        { env: [path, 'FIRST=arm', 'SECOND=arm'], cwd: '/w-arm', copied: 'for arm' },
      ]);
    },
  );
}

// I14: nothing is transferred here, but what a build does not need is not read either.
test('of a folder only the files that are needed are read', needs, async () => {
  using box = sandbox();
  await writeBusyboxLayout(box.at('base'));
  box
    .file(
      'c/Containerfile',
      'FROM base\nCOPY --from=named foo /o\nCOPY d/b /o2\nRUN --mount=from=named,source=foo,target=/m cat /m\n',
    )
    .file('c/d/b', 'needed')
    .file('c/unreadable')
    .file('c/closed/file')
    .file('named/foo', 'needed')
    .file('named/unreadable')
    .file('named/closed/file');
  for (const name of ['c/unreadable', 'c/closed', 'named/unreadable', 'named/closed']) chmodSync(box.at(name), 0);
  const contexts = ['--build-context', 'base=oci-layout://base', '--build-context', 'named=named'];
  await box.tsbuild(...contexts, '-o', 'type=oci,dest=o.tar', 'c').succeeds();
  const { layers } = await readImage(box.at('o.tar'));
  assert.deepEqual(
    layers.slice(1, 3).map((layer) => [...layer].map(([name, { content }]) => `${name}: ${content.toString()}`)),
    [['o: needed'], ['o2: needed']],
  );
  box.file('c/Containerfile', 'FROM base\nCOPY --from=named . /all\n');
  await box.tsbuild(...contexts, 'c').fails({ exit: 1, stderr: /Cannot read .*named\/closed|permission/i });
  for (const name of ['c/closed', 'named/closed']) chmodSync(box.at(name), 0o755);
});
