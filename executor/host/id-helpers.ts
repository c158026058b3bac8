import { readFileSync, statSync } from 'node:fs';
import { CAPABILITIES } from '../../native/identity.ts';
import { getXattr } from '../../native/xattrs.ts';
import { findProgram } from './find-program.ts';

/** newuidmap or newgidmap. */
export interface IdHelper {
  readonly name: IdHelperName;
  readonly path: string;
  readonly isSetuid: boolean;
  readonly hasFileCapabilities: boolean;
}

export type IdHelperName = 'newuidmap' | 'newgidmap';

/** What of a process decides whether a helper can work. */
export interface HelperRights {
  /** The capability bounding set. */
  readonly bounding: bigint;
  readonly hasNoNewPrivileges: boolean;
}

/** How to install them. */
export const helperPackages = [
  'Debian, Ubuntu: sudo apt-get install uidmap',
  'Fedora: sudo dnf install shadow-utils',
  'Alpine: apk add shadow-uidmap',
] as const;

/** Looks for a helper in the absolute folders of PATH. */
export function findIdHelper(name: IdHelperName, searchPath: string | undefined): IdHelper | undefined {
  const path = findProgram(name, searchPath);
  if (path === undefined) return undefined;
  return {
    name,
    path,
    isSetuid: (statSync(path).mode & 0o4000) !== 0,
    hasFileCapabilities: getXattr(path, 'security.capability', { follow: true }) !== undefined,
  };
}

/** The rights of this process, as /proc/self/status tells them. */
export function readHelperRights(): HelperRights {
  return helperRightsOf(readFileSync('/proc/self/status', 'utf8'));
}

/** The same of a text of /proc/PID/status. */
export function helperRightsOf(status: string): HelperRights {
  const bounding = /^CapBnd:\s*([0-9a-f]+)/m.exec(status)?.[1];
  return {
    bounding: bounding === undefined ? ~0n : BigInt(`0x${bounding}`),
    hasNoNewPrivileges: /^NoNewPrivs:\s*1/m.test(status),
  };
}

/**
 * Why a helper cannot write an id map, with the cure; undefined when nothing is known against it. The kernel wants the writer to have
 * CAP_SETUID (CAP_SETGID) where the namespace was made, and CAP_SYS_ADMIN over the namespace itself. A helper with file capabilities
 * stays the user who owns the namespace and so has the latter; one that is set-id root has it only where root has all capabilities, which
 * root of a container has not. (user_namespaces(7), "Defining user and group ID mappings")
 */
export function helperTrouble(
  helper: IdHelper,
  rights: HelperRights,
): { readonly what: string; readonly cure: string } | undefined {
  const { name, path, isSetuid, hasFileCapabilities } = helper;
  const needed = name === 'newuidmap' ? ('CAP_SETUID' as const) : ('CAP_SETGID' as const);
  const needsFileCapabilities = !has(rights.bounding, 'CAP_SYS_ADMIN');
  if (rights.hasNoNewPrivileges) {
    return {
      what: `no_new_privs is set, so ${name} has no effect`,
      cure: 'With Kubernetes set securityContext.allowPrivilegeEscalation to true, with Docker and Podman leave out --security-opt no-new-privileges',
    };
  }
  if (!has(rights.bounding, needed)) {
    return { what: `${name} cannot have ${needed} here`, cure: 'Give this container the capabilities SETUID and SETGID' };
  }
  if (needsFileCapabilities && (isSetuid || !hasFileCapabilities)) {
    return {
      what: `${path} ${isSetuid ? 'is set-id root, which has no effect' : 'has no file capabilities, which it needs'} without CAP_SYS_ADMIN`,
      cure: `As root, in the image: chmod u-s ${path} && setcap ${needed.toLowerCase()}=ep ${path}`,
    };
  }
  if (isSetuid || hasFileCapabilities) return undefined;
  return { what: `${path} is neither set-id root nor has file capabilities`, cure: `sudo chmod u+s ${path}` };
}

function has(set: bigint, name: keyof typeof CAPABILITIES): boolean {
  return (set & (1n << BigInt(CAPABILITIES[name]))) !== 0n;
}
