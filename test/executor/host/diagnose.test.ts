import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diagnoseStart, type KernelSwitches } from '../../../executor/host/diagnose.ts';
import { EnvironmentError, type EnvironmentErrorCode, failureLine } from '../../../executor/host/errors.ts';
import type { WorkerFailure } from '../../../executor/protocol/failures.ts';
import { ERRNO } from '../../../native/errno.ts';
import { SyscallError } from '../../../native/syscall-error.ts';

const open: KernelSwitches = {
  maximumNamespaces: 10_000,
  unprivilegedClone: undefined,
  appArmorRestriction: undefined,
  seccompMode: 0,
};

const clone = (errno: number): SyscallError => new SyscallError('clone', errno, 'user, mount');

const rows: readonly [
  name: string,
  error: unknown,
  switches: Partial<KernelSwitches>,
  code: EnvironmentErrorCode,
  message: string,
  hint: RegExp | undefined,
][] = [
  [
    'namespaces switched off',
    clone(ERRNO.ENOSPC),
    { maximumNamespaces: 0 },
    'user-namespaces-disabled',
    'Cannot make a user namespace: user.max_user_namespaces is 0',
    /sysctl -w user.max_user_namespaces=/,
  ],
  [
    "Debian's switch",
    clone(ERRNO.EPERM),
    { unprivilegedClone: 0 },
    'user-namespaces-disabled',
    'Cannot make a user namespace: kernel.unprivileged_userns_clone is 0',
    /sysctl -w kernel.unprivileged_userns_clone=1/,
  ],
  [
    'the limit',
    clone(ERRNO.ENOSPC),
    {},
    'user-namespaces-exhausted',
    'Cannot make a namespace (user, mount): the limit is reached',
    /Raise user.max_user_namespaces/,
  ],
  [
    'nesting too deep',
    clone(ERRNO.EUSERS),
    {},
    'user-namespaces-exhausted',
    'Cannot make a namespace (user, mount): the limit is reached',
    /at most 32/,
  ],
  [
    'a kernel without them',
    clone(ERRNO.EINVAL),
    {},
    'user-namespaces-disabled',
    'Cannot make a user namespace: this kernel has none',
    /CONFIG_USER_NS/,
  ],
  [
    'a seccomp filter',
    clone(ERRNO.EPERM),
    { seccompMode: 2 },
    'user-namespaces-restricted',
    'Cannot make a user namespace: a seccomp filter, most likely that of a container, forbids it (EPERM)',
    /--security-opt seccomp=unconfined/,
  ],
  [
    'another policy',
    clone(ERRNO.EACCES),
    {},
    'user-namespaces-restricted',
    'Cannot make a user namespace: a security policy forbids it (EACCES)',
    /seccompProfile/,
  ],
  [
    'AppArmor at the clone',
    clone(ERRNO.EACCES),
    { appArmorRestriction: 1 },
    'user-namespaces-restricted',
    'Cannot make a user namespace: AppArmor forbids it (kernel.apparmor_restrict_unprivileged_userns is 1)',
    /apparmor_restrict_unprivileged_userns=0/,
  ],
  [
    'AppArmor at the mount',
    new SyscallError('mount', ERRNO.EACCES, 'private mounts'),
    { appArmorRestriction: 1 },
    'user-namespaces-restricted',
    'Cannot become root in a user namespace: AppArmor forbids it (kernel.apparmor_restrict_unprivileged_userns is 1)',
    /AppArmor profile with "userns,"/,
  ],
  [
    'AppArmor at the id maps',
    new SyscallError('write', ERRNO.EPERM, '/proc/7/uid_map'),
    { appArmorRestriction: 1 },
    'user-namespaces-restricted',
    'Cannot become root in a user namespace: AppArmor forbids it (kernel.apparmor_restrict_unprivileged_userns is 1)',
    /apparmor_restrict_unprivileged_userns=0/,
  ],
  [
    'id maps that are refused',
    new SyscallError('write', ERRNO.EPERM, '/proc/7/uid_map'),
    {},
    'id-maps-refused',
    'Cannot map the ids of the worker: write /proc/7/uid_map: EPERM (Operation not permitted)',
    /SETFCAP/,
  ],
  [
    'a program that is gone',
    new SyscallError('execve', ERRNO.ENOENT, '/opt/node'),
    {},
    'worker-not-started',
    'Cannot start the worker: execve /opt/node: ENOENT (No such file or directory)',
    undefined,
  ],
  ['anything else', new Error('odd'), {}, 'worker-not-started', 'Cannot start the worker: odd', undefined],
];
for (const [name, error, switches, code, message, hint] of rows) {
  test(`diagnoseStart() names ${name}`, () => {
    const found = diagnoseStart(error, { ...open, ...switches });
    assert.ok(found instanceof EnvironmentError);
    assert.deepEqual([found.code, found.message, found.cause], [code, message, error]);
    assert.match(found.hint ?? '', hint ?? /^$/);
  });
}

const failures: readonly [WorkerFailure, string][] = [
  [{ kind: 'command-failed', exitCode: 2, signal: undefined }, 'The command ended with exit code 2'],
  [{ kind: 'command-failed', exitCode: undefined, signal: 'SIGKILL' }, 'The command was ended by SIGKILL'],
  [{ kind: 'cancelled' }, 'The request was cancelled'],
  [{ kind: 'refused', code: 'unknown-user', message: 'Cannot x' }, 'Cannot x'],
];
for (const [failure, text] of failures) {
  test(`failureLine() says "${text}"`, () => assert.equal(failureLine(failure), text));
}
