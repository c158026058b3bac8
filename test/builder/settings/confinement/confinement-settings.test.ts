import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { BuildOptions } from '../../../../builder/contract/options.ts';
import { checkOptions } from '../../../../builder/settings/check-options.ts';
import { type ConfinementSettings, confinementSettings } from '../../../../builder/settings/confinement/confinement-settings.ts';
import { capabilityNames } from '../../../../executor/protocol/capability-names.ts';
import { CAPABILITIES } from '../../../../native/identity.ts';

const usual: ConfinementSettings = { seccomp: 'usual', others: {}, isStrict: false };

const rows: readonly (readonly [options: Partial<BuildOptions>, expected: ConfinementSettings])[] = [
  [{}, usual],
  [{ isolation: 'rootless' }, usual],
  [{ isolation: 'strict' }, { ...usual, isStrict: true }],
  [
    { addCapabilities: ['sys_ptrace', 'CAP_CHOWN', 'cap_bpf', 'CHOWN'] },
    { ...usual, others: { capabilities: { from: 'usual', added: ['CAP_CHOWN', 'CAP_SYS_PTRACE', 'CAP_BPF'], dropped: [] } } },
  ],
  [
    { addCapabilities: ['Chown'], dropCapabilities: ['all', 'SETUID'] },
    { ...usual, others: { capabilities: { from: 'none', added: ['CAP_CHOWN'], dropped: ['CAP_SETUID'] } } },
  ],
  [
    { addCapabilities: ['ALL'], dropCapabilities: ['CAP_SYS_ADMIN'] },
    { ...usual, others: { capabilities: { from: 'usual', added: capabilityNames, dropped: ['CAP_SYS_ADMIN'] } } },
  ],
  [{ securityOptions: ['seccomp=unconfined'] }, { ...usual, seccomp: 'unconfined' }],
  [{ securityOptions: ['seccomp:unconfined'] }, { ...usual, seccomp: 'unconfined' }],
  [{ securityOptions: ['seccomp=unconfined', 'seccomp=builtin'] }, usual],
  [{ securityOptions: ['seccomp=/a=b:c.json'] }, { ...usual, seccomp: { path: '/a=b:c.json' } }],
  [{ securityOptions: ['no-new-privileges'] }, { ...usual, others: { hasNoNewPrivileges: true } }],
  [{ securityOptions: ['no-new-privileges:true'] }, { ...usual, others: { hasNoNewPrivileges: true } }],
  [{ securityOptions: ['no-new-privileges', 'no-new-privileges=false'] }, usual],
  [{ securityOptions: ['apparmor=docker-default'] }, { ...usual, others: { apparmor: 'docker-default' } }],
  [{ securityOptions: ['apparmor=x', 'apparmor=unconfined'] }, usual],
  [
    { securityOptions: ['label=type:container_t', 'label=level:s0:c1,c2'] },
    { ...usual, others: { label: { type: 'container_t', level: 's0:c1,c2' } } },
  ],
  [{ securityOptions: ['label=type:container_t', 'label=disable'] }, usual],
];

describe('confinementSettings()', () => {
  for (const [options, expected] of rows) {
    test(JSON.stringify(options), () => {
      const given = { context: '.', ...options };
      checkOptions(given);
      assert.deepEqual(confinementSettings(given), expected);
    });
  }
});

const refused: readonly (readonly [options: object, message: RegExp])[] = [
  [{ addCapabilities: ['CAP_'] }, /^Cannot use --cap-add CAP_: there is no such capability$/],
  [{ addCapabilities: ['__proto__'] }, /^Cannot use --cap-add __proto__: there is no such capability$/],
  [{ dropCapabilities: ['a b'] }, /^Cannot use --cap-drop "a b": there is no such capability$/],
  [{ dropCapabilities: [1] }, /^Cannot use the option "dropCapabilities\[0\]": expected text, found 1$/],
  [{ addGroups: ['keep-groups'] }, /^Cannot use --group-add keep-groups: the groups of the caller are not those of an image$/],
  [{ addGroups: ['a:b'] }, /^Cannot use --group-add a:b: expected the name or number of a group$/],
  [{ securityOptions: ['seccomp'] }, /^Cannot use --security-opt seccomp: it has no value$/],
  [{ securityOptions: ['seccomp='] }, /^Cannot use --security-opt seccomp=: it has no value$/],
  [{ securityOptions: ['no-new-privileges=maybe'] }, /: expected true or false$/],
  [{ securityOptions: ['apparmor=a\nb'] }, /^Cannot use --security-opt "apparmor=a\\nb": expected the name of a profile$/],
  [{ securityOptions: ['label=nested'] }, /: expected disable, user:U, role:R, type:T or level:L$/],
  [{ securityOptions: ['label=type:a:b'] }, /: expected disable, user:U, role:R, type:T or level:L$/],
  [
    { securityOptions: ['unmask=ALL'] },
    /^Cannot use --security-opt unmask=ALL: what is hidden of \/proc and \/sys is always the same$/,
  ],
  [{ securityOptions: ['toString=1'] }, /^Cannot use --security-opt toString=1: there is no such option$/],
  [{ isolation: 'chroot' }, /^Cannot use --isolation chroot: commands without namespaces of their own are not supported yet$/],
  [{ isolation: 'vm' }, /^Cannot use --isolation vm: expected default, oci, rootless, strict$/],
];

for (const [options, message] of refused) {
  test(`checkOptions() refuses ${JSON.stringify(options)}`, () => {
    assert.throws(() => checkOptions({ context: '.', ...options }), { name: 'UsageError', message });
  });
}

test('all and nothing of the capabilities at once are refused', () => {
  const options = { context: '.', addCapabilities: ['ALL'], dropCapabilities: ['ALL'] };
  assert.throws(() => confinementSettings(options), /Cannot use --cap-add ALL and --cap-drop ALL together/);
});

test('the names of capabilities are those of the kernel, in its order', () => {
  assert.deepEqual(
    capabilityNames.map((name, number) => [name, number]),
    Object.entries(CAPABILITIES),
  );
});
