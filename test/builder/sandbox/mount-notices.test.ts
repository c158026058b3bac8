import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mountNotices } from '../../../builder/sandbox/check-volumes.ts';
import { parse } from '../../../parser/parse.ts';

const label = 'Mounts keep their SELinux labels, in spite of "z": commands have the label of your own processes';

const rows: readonly [mount: string, hasSelinux: boolean, notices: readonly string[]][] = [
  ['type=bind,target=/a,z', true, [label]],
  ['type=bind,Z,target=/a', true, [label]],
  ['type=cache,target=/a,z=true', true, [label]],
  ['type=bind,target=/a,z', false, []],
  ['type=bind,target=/a', true, []],
];

for (const [mount, hasSelinux, notices] of rows) {
  test(`mountNotices() of ${mount} ${hasSelinux ? 'with' : 'without'} SELinux`, () => {
    const { file, diagnostics } = parse([
      { name: 'Containerfile', text: `FROM a\nRUN --mount=${mount} x\nRUN --mount=${mount} y\n` },
    ]);
    assert.deepEqual(diagnostics, []);
    assert.ok(file);
    assert.deepEqual(mountNotices(file, { hasSelinux }), notices);
  });
}

test('z is none of a secret', () => {
  const { diagnostics } = parse([{ name: 'Containerfile', text: 'FROM a\nRUN --mount=type=secret,id=a,z x\n' }]);
  assert.match(diagnostics[0]?.message ?? '', /Cannot use "z" in a mount of type secret: only bind, cache have it/);
});
