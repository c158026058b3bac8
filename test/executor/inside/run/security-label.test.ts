import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { attributeEntries, execAttributes, type kernelFiles } from '../../../../executor/inside/run/process/security-label.ts';
import type { Confinement } from '../../../../executor/protocol/confinement.ts';
import { startTape } from '../../../../native/tape/start.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

/** Files where the kernel's interface would be: this shows what it would be told, not what it does then. */
function fakeKernel(folder: string, has: Partial<Record<keyof typeof kernelFiles, string>>): typeof kernelFiles {
  mkdirSync(folder, { recursive: true });
  const at = (name: keyof typeof kernelFiles): string => {
    const path = `${folder}/${name}`;
    if (has[name] !== undefined) writeFileSync(path, has[name]);
    return path;
  };
  return {
    apparmor: at('apparmor'),
    selinux: at('selinux'),
    current: at('current'),
    exec: at('exec'),
    apparmorExec: at('apparmorExec'),
  };
}

const selinux = { selinux: '1', current: 'system_u:system_r:user_t:s0:c1,c2\0', exec: '' };
const rows: readonly (readonly [
  name: string,
  confinement: Confinement,
  has: Parameters<typeof fakeKernel>[1],
  written: [string, string][],
])[] = [
  [
    'an AppArmor profile, by its own file',
    { apparmor: 'mine' },
    { apparmor: 'Y\n', apparmorExec: '', exec: '' },
    [['apparmorExec', 'exec mine']],
  ],
  [
    'an AppArmor profile, by the file of older kernels',
    { apparmor: 'mine' },
    { apparmor: 'Y\n', exec: '' },
    [['exec', 'exec mine']],
  ],
  ['the type of a label', { label: { type: 'container_t' } }, selinux, [['exec', 'system_u:system_r:container_t:s0:c1,c2']]],
  [
    'a whole label',
    { label: { user: 'u', role: 'r', type: 't', level: 's0:c3' } },
    { ...selinux, current: '' },
    [['exec', 'u:r:t:s0:c3']],
  ],
  ['nothing', {}, { apparmor: 'Y\n', ...selinux }, []],
];

for (const [name, confinement, has, written] of rows) {
  test(`the kernel is told, by a faked interface: ${name}`, async () => {
    using folder = temporaryFolder('labels');
    const files = fakeKernel(folder.path, has);
    const warnings: string[] = [];
    const attributes = execAttributes(confinement, { files, warn: (message) => warnings.push(message) });
    const tape = [
      ...attributeEntries(attributes, 0),
      { syscall: 'execve', args: ['/bin/true', ['true'], []], what: '/bin/true' } as const,
    ];
    const child = await startTape(tape, { namespaces: [] });
    await child.exited;
    assert.deepEqual(
      written.map(([file]) => [file, readFileSync(`${folder.path}/${file}`, 'utf8')]),
      written,
    );
    assert.deepEqual([attributes.length, warnings], [written.length, []]);
  });
}

test('a profile without AppArmor is refused, a label without SELinux told', () => {
  using folder = temporaryFolder('labels');
  const files = fakeKernel(folder.path, { apparmor: 'N\n' });
  const warnings: string[] = [];
  const warn = (message: string): number => warnings.push(message);
  assert.throws(
    () => execAttributes({ apparmor: 'mine' }, { files, warn }),
    /Cannot use the AppArmor profile "mine": AppArmor is not on here/,
  );
  assert.deepEqual(execAttributes({ label: { type: 'x' } }, { files, warn }), []);
  assert.equal(warnings.length, 1);
});
