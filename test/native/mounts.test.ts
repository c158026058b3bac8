import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { mountAttributes } from '../../native/mounts.ts';
import { runScript } from '../executor/host/run-script.ts';
import { requires } from '../support/requires.ts';
import type { UserKind } from '../support/users.ts';

const script = fileURLToPath(new URL('./root-script.js', import.meta.url));

for (const user of ['root', 'subids', 'single'] satisfies readonly UserKind[]) {
  const needs = user === 'root' ? requires('root') : requires('user-namespaces', `user:${user}`);
  test(`mounts work by the old and the new calls, and errors name what failed, as ${user}`, needs, async () => {
    const { stdout, stderr, status } = await runScript(script, { user });
    assert.deepEqual([stderr, status], ['', 0]);
    assert.deepEqual(JSON.parse(stdout), {
      overlay: ['lower', 'changed'],
      readOnly: "EROFS: read-only file system, open 'ROOT/bind/file'",
      wrongKey: "fsconfig nonsense (tmpfs: Unknown parameter 'nonsense'): EINVAL (Invalid argument)",
      wrongFlag: "fsconfig nonsense (tmpfs: Unknown parameter 'nonsense'): EINVAL (Invalid argument)",
      copy: ['x', "EROFS: read-only file system, open 'ROOT/bind/x'"],
      noexec: true,
      errors: [
        'mount ROOT/lower -> ROOT/missing: ENOENT (No such file or directory)',
        'mount x -> ROOT/bind: ENODEV (No such device)',
        'umount2 ROOT/lower: EINVAL (Invalid argument)',
        'fsopen nonsense: ENODEV (No such device)',
      ],
    });
  });
}

test('mountAttributes() lays the structure out', () => {
  const bytes = Buffer.from(mountAttributes({ set: 1, clear: 2, propagation: 0x40000 }));
  assert.deepEqual(
    [0, 8, 16, 24].map((offset) => bytes.readBigUInt64LE(offset)),
    [1n, 2n, 0x40000n, 0n],
  );
});
