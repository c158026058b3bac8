import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { writeBusyboxLayout } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { sandbox } from '../support/sandbox.ts';

const needs = requires('user:subids', 'user-namespaces', 'tool:busybox');

/** Small steps, of which some undo what others have done; 44 of them, the base not counted. */
const steps: readonly string[] = Array.from({ length: 44 }, (_, index) => {
  switch (index) {
    case 3:
      return 'RUN mkdir -p /d/deep && echo old > /d/deep/old && echo old > /gone && echo old > /again';
    case 9:
      return 'RUN rm /gone /again';
    case 12:
      return 'RUN rm -r /d && mkdir /d && echo new > /d/new';
    case 20:
      return 'RUN chown 1000:50 /f5 && chmod 4755 /f5';
    case 33:
      return 'RUN echo new > /again && rm /f8';
    default:
      return `RUN echo ${index} > /f${index}`;
  }
});

const looks = [
  'test ! -e /gone',
  'test "$(cat /again)" = new',
  'test "$(ls -R /d)" = "$(printf "/d:\\nnew")"',
  'test "$(stat -c "%a %u:%g" /f5)" = "4755 1000:50"',
  'test ! -e /f8',
  'test "$(ls -d /f* | wc -l)" = 38',
  // One file system, as far as a command can tell.
  'test "$(find / -xdev -maxdepth 1 -name "f*" | wc -l)" = 38',
].join(' && ');

test('steps of a long chain see what all before them have left, from a cache of any length', needs, async () => {
  using box = sandbox();
  await writeBusyboxLayout(box.at('base'));
  const lines = ['FROM base', ...steps, `RUN ${looks}`];
  const build = ['--build-context', 'base=oci-layout://base', '.'];
  box.file('Containerfile', `${lines.join('\n')}\n`);
  await box.tsbuild('-q', '--iidfile', 'first', ...build).succeeds();
  // All but the last two from the cache: nobody has looked at their layers in this build.
  await box
    .file('Containerfile', `${lines.join('\n')} && true\nRUN ${looks}\n`)
    .tsbuild(...build)
    .succeeds();
  await box
    .file('Containerfile', `${lines.join('\n')}\n`)
    .tsbuild('-q', '--no-cache', '--iidfile', 'second', ...build)
    .succeeds();
  await box.run(['cmp', 'first', 'second']).succeeds();
  assert.deepEqual(readdirSync(box.at('store', 'tmp')), []);
  await box.tsbuild('store', 'verify').succeeds();
});

test('what a killed build has gathered is gone after the next one', needs, async () => {
  using box = sandbox();
  await writeBusyboxLayout(box.at('base'));
  const build = ['--build-context', 'base=oci-layout://base', '.'];
  box.file('Containerfile', `${['FROM base', ...steps, 'RUN echo started; sleep 100'].join('\n')}\n`);
  const run = box.tsbuildWith({ isAlone: true }, ...build);
  await run.shows(/started/);
  const [session = ''] = readdirSync(box.at('store', 'tmp'));
  assert.ok(readdirSync(box.at('store', 'tmp', session)).includes('gathered-1'));
  run.child.kill('SIGKILL');
  await run.finished();
  box.file('Containerfile', `${['FROM base', ...steps, `RUN ${looks}`].join('\n')}\n`);
  await box.tsbuildWith({ isAlone: true }, ...build).succeeds();
  assert.deepEqual(readdirSync(box.at('store', 'tmp')), []);
});

test('RUN --mount and COPY --from show stages of many layers, also small ones', needs, async () => {
  using box = sandbox();
  await writeBusyboxLayout(box.at('base'));
  const lines = [
    'FROM base AS many',
    ...steps,
    'FROM base',
    `RUN --mount=from=many,target=/many test ! -e /many/gone && test "$(cat /many/again /many/d/new)" = "$(printf "new\\nnew")"`,
    'COPY --from=many /d /copy',
    'RUN test "$(ls /copy)" = new',
  ];
  await box
    .file('Containerfile', `${lines.join('\n')}\n`)
    .tsbuild('--build-context', 'base=oci-layout://base', '.')
    .succeeds();
});
