import assert from 'node:assert/strict';
import { test } from 'node:test';
import { selectStages } from '../../../builder/plan/stages/select-stages.ts';
import { mountNotices } from '../../../builder/sandbox/check-volumes.ts';
import { parse } from '../../../parser/parse.ts';
import { image, parsed, plainOptions } from '../plan/plan-text.ts';

const label = 'Mounts keep their SELinux labels, in spite of "z": commands have the label of your own processes';

function noticesOf(text: string, { hasSelinux, onBuild = [] }: { hasSelinux: boolean; onBuild?: string[] }): readonly string[] {
  const file = parsed(text);
  const { missing } = selectStages(file, plainOptions, new Map());
  const images = new Map(missing.map(({ key, name }) => [key, image(name, { config: { OnBuild: onBuild } })]));
  return mountNotices(selectStages(file, plainOptions, images).stages, { hasSelinux });
}

const rows: readonly [mount: string, hasSelinux: boolean, notices: readonly string[]][] = [
  ['type=bind,target=/a,z', true, [label]],
  ['type=bind,Z,target=/a', true, [label]],
  ['type=cache,target=/a,z=true', true, [label]],
  ['type=bind,target=/a,z', false, []],
  ['type=bind,target=/a', true, []],
];

for (const [mount, hasSelinux, notices] of rows) {
  test(`mountNotices() of ${mount} ${hasSelinux ? 'with' : 'without'} SELinux`, () => {
    const run = `RUN --mount=${mount} x\n`;
    assert.deepEqual(noticesOf(`FROM a\n${run}${run}`, { hasSelinux }), notices);
    assert.deepEqual(noticesOf(`FROM a\nONBUILD ${run}`, { hasSelinux }), notices);
    assert.deepEqual(noticesOf(`FROM a AS b\nONBUILD ${run}FROM b\n`, { hasSelinux }), notices);
    assert.deepEqual(noticesOf('FROM a\n', { hasSelinux, onBuild: [run] }), notices);
    assert.deepEqual(noticesOf(`FROM a AS unused\n${run}FROM a\n`, { hasSelinux }), []);
  });
}

test('z is none of a secret', () => {
  const { diagnostics } = parse([{ name: 'Containerfile', text: 'FROM a\nRUN --mount=type=secret,id=a,z x\n' }]);
  assert.match(diagnostics[0]?.message ?? '', /Cannot use "z" in a mount of type secret: only bind, cache have it/);
});
