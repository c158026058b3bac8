import { readFileSync } from 'node:fs';
import { fileTrouble, isAboutNamespaces } from '../../native/file-trouble.ts';
import { SyscallError } from '../../native/syscall-error.ts';
import { reasonOf } from '../../registry/oci/thrown.ts';
import { EnvironmentError } from './errors.ts';
import { readSwitches, sysctlCure } from './kernel-switches.ts';

/** What the kernel says about user namespaces; undefined where it has no such switch. */
export interface KernelSwitches {
  /** user.max_user_namespaces. */
  readonly maximumNamespaces: number | undefined;
  /** kernel.unprivileged_userns_clone (Debian and Arch, older kernels). */
  readonly unprivilegedClone: number | undefined;
  /** kernel.apparmor_restrict_unprivileged_userns (Ubuntu 23.10 and later). */
  readonly appArmorRestriction: number | undefined;
  /** Seccomp of /proc/self/status: 2 is a filter. */
  readonly seccompMode: number | undefined;
}

/** Reads the switches of this machine. */
export function readKernelSwitches(): KernelSwitches {
  const switches = readSwitches();
  return {
    maximumNamespaces: toNumber(switches['user/max_user_namespaces']),
    unprivilegedClone: toNumber(switches['kernel/unprivileged_userns_clone']),
    appArmorRestriction: toNumber(switches['kernel/apparmor_restrict_unprivileged_userns']),
    seccompMode: toNumber(/^Seccomp:\s*(\d+)/m.exec(readStatus())?.[1]),
  };
}

/** What a failed start of the worker means for a person. `error` is what startTape() or a map write threw. */
export function diagnoseStart(error: unknown, switches: KernelSwitches): EnvironmentError {
  if (!(error instanceof SyscallError)) {
    const reason = reasonOf(error);
    return new EnvironmentError('worker-not-started', `Cannot start the worker: ${reason}`, { cause: error });
  }
  if (error.syscall === 'clone') return diagnoseClone(error, switches);
  const isRefused = error.code === 'EPERM' || error.code === 'EACCES';
  if (error.syscall === 'write' && !(isRefused && switches.appArmorRestriction === 1)) {
    return new EnvironmentError('id-maps-refused', `Cannot map the ids of the worker: ${error.message}`, {
      hint: 'In a container, allow it the capabilities SETUID, SETGID and SETFCAP',
      cause: error,
    });
  }
  if (isRefused && error.syscall !== 'execve') return restricted(error, switches);
  const trouble = isAboutNamespaces(error.syscall) ? undefined : fileTrouble(error.code);
  const reason = trouble === undefined ? error.message : `${trouble.words} (${error.message})`;
  return new EnvironmentError('worker-not-started', `Cannot start the worker: ${reason}`, { hint: trouble?.hint, cause: error });
}

function diagnoseClone(error: SyscallError, switches: KernelSwitches): EnvironmentError {
  if (switches.maximumNamespaces === 0) {
    return new EnvironmentError('user-namespaces-disabled', 'Cannot make a user namespace: user.max_user_namespaces is 0', {
      hint: `Run "${sysctlCure('user/max_user_namespaces')}"`,
      cause: error,
    });
  }
  if (switches.unprivilegedClone === 0) {
    return new EnvironmentError(
      'user-namespaces-disabled',
      'Cannot make a user namespace: kernel.unprivileged_userns_clone is 0',
      {
        hint: `Run "${sysctlCure('kernel/unprivileged_userns_clone')}"`,
        cause: error,
      },
    );
  }
  switch (error.code) {
    case 'ENOSPC':
    case 'EUSERS':
      return new EnvironmentError(
        'user-namespaces-exhausted',
        `Cannot make a namespace (${error.subject}): the limit is reached`,
        {
          hint: 'Raise user.max_user_namespaces and user.max_mnt_namespaces here and in the outer namespaces, or nest namespaces less deeply (at most 32)',
          cause: error,
        },
      );
    case 'EINVAL':
    case 'ENOSYS':
      return new EnvironmentError('user-namespaces-disabled', 'Cannot make a user namespace: this kernel has none', {
        hint: 'Use a kernel with CONFIG_USER_NS',
        cause: error,
      });
    default:
      return restricted(error, switches);
  }
}

function restricted(error: SyscallError, switches: KernelSwitches): EnvironmentError {
  const refused = error.syscall === 'clone' ? 'make a user namespace' : 'become root in a user namespace';
  if (switches.appArmorRestriction === 1) {
    return new EnvironmentError(
      'user-namespaces-restricted',
      `Cannot ${refused}: AppArmor forbids it (kernel.apparmor_restrict_unprivileged_userns is 1)`,
      {
        hint: `Run "${sysctlCure('kernel/apparmor_restrict_unprivileged_userns')}", or give ${process.execPath} an AppArmor profile with "userns,"`,
        cause: error,
      },
    );
  }
  const policy =
    switches.seccompMode === 2 ? 'a seccomp filter, most likely that of a container, forbids it' : 'a security policy forbids it';
  return new EnvironmentError('user-namespaces-restricted', `Cannot ${refused}: ${policy} (${error.code})`, {
    hint: 'In a container, allow it: "--security-opt seccomp=unconfined --security-opt apparmor=unconfined" with Docker or Podman, seccompProfile and appArmorProfile "Unconfined" with Kubernetes',
    cause: error,
  });
}

function readStatus(): string {
  try {
    return readFileSync('/proc/self/status', 'utf8');
  } catch {
    // /proc is hidden: nothing is known.
    return '';
  }
}

function toNumber(text: string | undefined): number | undefined {
  return text === undefined || text === '' ? undefined : Number(text);
}
