import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readImage } from '../support/image-archive.ts';
import { writeBusyboxLayout } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

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

/** Stages that need nothing of each other, one for each command, and one that needs them all. */
function besideEachOther(commands: readonly string[]): string {
  const stages = commands.map((command, index) => `FROM base AS s${index}\nRUN ${command}; touch /${index}\n`);
  const copies = commands.map((_, index) => `COPY --from=s${index} /${index} /\n`);
  return `${stages.join('')}FROM scratch\n${copies.join('')}`;
}

const six = [0, 1, 2, 3, 4, 5];

/** Each command waits through a shared folder of the machine until all have begun, which only ends when all run. */
const allMeet = six.map(
  (index) => `touch /meet/${index}; for i in ${six.join(' ')}; do while [ ! -e /meet/$i ]; do sleep 0.05; done; done`,
);

/** Each command fails when it finds another one at work. */
const oneAtATime = six.map(
  (index) => `mkdir /meet/busy && sleep 0.2 && echo ${index} >> /meet/log && rmdir /meet/busy || exit 1`,
);

const runsAtOnce: readonly [title: string, flags: readonly string[], commands: readonly string[]][] = [
  ['commands of RUN wait together, however few the processors', [], allMeet],
  ['--jobs says how many steps run at the same time, RUN among them', ['--jobs', '6'], allMeet],
  ['--jobs 1 is one step after another, RUN among them', ['--jobs', '1'], oneAtATime],
  ['--run-jobs is for RUN alone', ['--jobs', '1', '--run-jobs', '6'], allMeet],
  ['--run-jobs 0 is no limit', ['--jobs', '1', '--run-jobs', '0'], allMeet],
  ['--run-jobs 1 is one RUN after another', ['--run-jobs', '1'], oneAtATime],
];

for (const [title, flags, commands] of runsAtOnce) {
  test(title, needs, async () => {
    using box = sandbox();
    await writeBusyboxLayout(box.at('base'));
    box.folder('meet').file('c/Containerfile', besideEachOther(commands));
    const meet = ['--volume', `${box.at('meet')}:/meet`];
    await box.tsbuild(...base, ...flags, ...meet, '-o', 'type=oci,dest=o.tar', 'c').succeeds();
  });
}
