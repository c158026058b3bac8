import { AT, AT_FDCWD, MNT_DETACH, MOUNT_ATTR, MS, NAMESPACE_FLAGS, PR } from '../../../native/constants.ts';
import { mountAttributes } from '../../../native/mounts.ts';
import { closeDescriptors } from '../../../native/tape/descriptors.ts';
import type { Namespace } from '../../../native/tape/start.ts';
import type { TapeEntry } from '../../../native/tape/tape.ts';
import { isBelow } from '../../../registry/oci/text/path-below.ts';
import type { RunAction } from '../../protocol/actions.ts';
import type { ResolvedUser } from '../root/users.ts';
import { closedRegistration, type Registration, registrationEntries } from './emulation/registration.ts';
import { candidatesOf, commandEnvironment } from './process/command-environment.ts';
import { type ConfinementEntries, confinementEntries, freshSession } from './process/confinement.ts';
import type { KernelFacts } from './process/kernel-facts.ts';
import { ordinaryProcess, scopesAt } from './process/process-settings.ts';
import { limitBytes, resourceLimits } from './process/resource-limits.ts';
import { attributeEntries, type ExecAttribute } from './process/security-label.ts';
import { enterDirectory } from './process/working-directory.ts';

/** What a sandbox depends on beside the action. */
export interface SandboxFacts {
  /** The merged root, with everything mounted in it that needs no namespace of the command. Absolute. */
  readonly root: string;
  /** Where /proc, /sys and /dev of the root really are: absolute, without links, below `root`. */
  readonly places: { readonly proc: string; readonly sys: string; readonly dev: string };
  /** A new proc, or the worker's when the kernel refuses one. The same for /sys. */
  readonly proc: 'new' | 'bound';
  readonly sys: 'new' | 'bound';
  /** The one that the step asks for, or the machine's when a seccomp profile around the build refuses another. */
  readonly hostName: 'new' | 'kept';
  readonly user: ResolvedUser;
  /** False where the id map came without the right to drop groups. (user_namespaces(7)) */
  readonly canSetGroups: boolean;
  readonly kernel: KernelFacts;
  /** Rules of security modules for the command. */
  readonly attributes?: readonly ExecAttribute[];
  /** It has been put into a control group of its own, and makes its namespace of groups there. */
  readonly hasOwnGroup?: boolean;
  /** An emulator for the command's namespaces. */
  readonly emulator?: Registration | undefined;
  /** What is played where hooks of devices may have to be run: before the root becomes the root, and after that. */
  readonly pauses?: { readonly outside: readonly TapeEntry[]; readonly inside: readonly TapeEntry[] } | undefined;
  /** Descriptors for 0, 1 and 2; all above 2. */
  readonly streams: readonly [stdin: number, stdout: number, stderr: number];
}

/** The namespaces of a command. */
export function sandboxNamespaces(action: RunAction): readonly Namespace[] {
  const always: readonly Namespace[] = ['user', 'mount', 'pid', 'ipc', 'uts', 'cgroup'];
  // A network that others have too is the worker's.
  return action.network === 'none' ? [...always, 'net'] : always;
}

/**
 * The system calls that turn a new process in its own namespaces into the command of a RUN. Pure. It starts with all capabilities over
 * the new namespaces and gives up what the command must not have as late as possible: the filter goes in while CAP_SYS_ADMIN is
 * there, so that no_new_privs can stay off and set-id programs work. (pivot_root(2), capabilities(7), seccomp(2))
 */
export function sandboxTape(action: RunAction, facts: SandboxFacts): readonly TapeEntry[] {
  const isSandboxed = action.security === 'sandbox';
  const confinement = confinementEntries(action, facts.kernel);
  const names = facts.hostName === 'new' ? [hostName(action)] : [];
  const first = firstEntries(action, facts);
  const labelled = [...first, ...attributeEntries(facts.attributes ?? [], first.length), ...ownGroups(facts), ...names];
  const mounts = [...labelled, ...ownRoot(facts.root), ...kernelFileSystems(action, facts)];
  const at = { proc: facts.places.proc, position: mounts.length };
  return [
    ...mounts,
    ...(facts.emulator === undefined ? [] : registrationEntries(facts.emulator, at)),
    ...(facts.pauses?.outside ?? []),
    ...(isSandboxed ? hiddenPaths(facts) : []),
    ...(isSandboxed && facts.emulator !== undefined ? [closedRegistration(facts.places.proc)] : []),
    { syscall: 'chdir', args: [facts.root], what: facts.root },
    ...(confinement.mayMount ? [pivot(facts.root)] : [{ ...pivot(facts.root), otherwise: movedRoot }]),
    // The old root lies on top of the new one, where the working directory is; nothing leads back to it. (NOTES in pivot_root(2))
    { syscall: 'umount2', args: ['.', MNT_DETACH], what: 'old root' },
    ...(facts.pauses?.inside ?? []),
    ...facts.streams.map((fd, index): TapeEntry => ({ syscall: 'dup3', args: [fd, index, 0], what: `stream ${index}` })),
    // Up to here nothing is resolved that the image could have named.
    ...closeDescriptors(),
    ...enterDirectory(action.cwd, facts.kernel.hasOpenat2),
    ...limits(action, facts),
    ...freshSession,
    ...ordinaryProcess,
    ...confinement.asRoot,
    ...identity(facts, confinement),
    // A change of ids clears it, so it comes after. (PR_SET_PDEATHSIG in prctl(2))
    { syscall: 'prctl', args: [PR.SET_PDEATHSIG, SIGKILL], what: 'parent death signal' },
    ...confinement.last,
    ...programs(action, facts),
  ];
}

const SIGKILL = 9;
const lockedDown = MS.NOSUID | MS.NODEV | MS.NOEXEC;

/** What names a result by its index on the tape comes first. In a network of its own there are no sockets that a command is to be kept from. */
function firstEntries({ network }: RunAction, { kernel }: SandboxFacts): readonly TapeEntry[] {
  if (network === 'none') return upLoopback;
  return kernel.hasScopes ? scopesAt(0) : [];
}

/**
 * A new network has only `lo`, and it is down: `struct ifreq` { "lo", IFF_UP | IFF_RUNNING }.
 * (netdevice(7))
 */
const upLoopback: readonly TapeEntry[] = [
  { syscall: 'socket', args: [2 /* AF_INET */, 0o2000002 /* SOCK_DGRAM | SOCK_CLOEXEC */, 0], what: 'network' },
  { syscall: 'ioctl', args: [{ kind: 'result', entry: 0 }, 0x8914 /* SIOCSIFFLAGS */, loopbackRequest()], what: 'lo' },
];

function loopbackRequest(): Uint8Array {
  const request = Buffer.alloc(40);
  request.write('lo');
  request.writeUInt16LE(0x41, 16);
  return request;
}

function ownGroups({ hasOwnGroup }: SandboxFacts): readonly TapeEntry[] {
  return hasOwnGroup === true ? [{ syscall: 'unshare', args: [NAMESPACE_FLAGS.cgroup], what: 'control groups' }] : [];
}

/** Cuts the mounts off from the worker's, and binds the root onto itself: the kernel lets only such a mount become the root. */
function ownRoot(root: string): TapeEntry[] {
  return [
    { syscall: 'mount', args: ['none', '/', 0, MS.REC | MS.PRIVATE, 0], what: 'private mounts' },
    { syscall: 'mount', args: [root, root, 0, MS.BIND | MS.REC, 0], what: root },
  ];
}

function hostName({ hostname }: RunAction): TapeEntry {
  return { syscall: 'sethostname', args: [hostname, Buffer.byteLength(hostname)], what: hostname };
}

function pivot(root: string): TapeEntry {
  return { syscall: 'pivot_root', args: ['.', '.'], what: root };
}

/**
 * Where docker's profile is around the build, which never has pivot_root, the new root is put over the old one, as initial RAM disks do it. Above
 * the new root there is then nothing but itself (follow_dotdot() in fs/namei.c); to take it away again needs CAP_SYS_ADMIN, so it is not
 * done for a command that has that. The last mount is there to be what the tape takes away next.
 */
const movedRoot: readonly TapeEntry[] = [
  { syscall: 'mount', args: ['.', '/', 0, MS.MOVE, 0], what: 'root' },
  { syscall: 'chroot', args: ['.'], what: 'root' },
  { syscall: 'mount', args: ['.', '.', 0, MS.BIND | MS.REC, 0], what: 'root' },
];

/** What only the new namespaces can show. Mounted while the old root is there: the kernel wants to see a /proc that is not masked. */
function kernelFileSystems(action: RunAction, { places, proc, sys, kernel }: SandboxFacts): TapeEntry[] {
  const isSandboxed = action.security === 'sandbox';
  const sysFlags = lockedDown | (isSandboxed || sys === 'bound' ? MS.RDONLY : 0);
  const cgroups: TapeEntry = newFileSystem('cgroup2', `${places.sys}/fs/cgroup`, sysFlags);
  return [
    newFileSystem('mqueue', `${places.dev}/mqueue`, lockedDown),
    ...(sys === 'new' ? [newFileSystem('sysfs', places.sys, sysFlags)] : boundSys(places.sys, kernel.sysMounts)),
    ...(kernel.hasUnifiedCgroups ? [{ ...cgroups, mayFail: true }] : []),
    ...(proc === 'new' ? [newFileSystem('proc', places.proc, lockedDown)] : boundReadOnly('/proc', places.proc)),
  ];
}

/**
 * The worker's /sys, read-only for everyone: it is the host's. (mount_setattr(2)) What is mounted in it comes along, since the kernel
 * lets nobody in a user namespace look below a mount (mount_namespaces(7)), and is covered: control groups, names of profiles, traces.
 */
function boundSys(target: string, mounts: readonly string[]): TapeEntry[] {
  return [...boundReadOnly('/sys', target), ...mounts.map((path) => emptyFolder(path, target + path.slice('/sys'.length)))];
}

/**
 * What is there for the processes around the build, too: whoever has their user's id may write to some of their files in /proc, without any
 * capability (oom_score_adj, coredump_filter). Links of /proc lead to other mounts, so a command writes to its /dev/stdout as ever.
 */
function boundReadOnly(source: string, target: string): TapeEntry[] {
  const readOnly = mountAttributes({ set: MOUNT_ATTR.RDONLY | MOUNT_ATTR.NOSUID | MOUNT_ATTR.NODEV | MOUNT_ATTR.NOEXEC });
  return [
    bind(source, target),
    { syscall: 'mount_setattr', args: [AT_FDCWD, target, AT.RECURSIVE, readOnly, readOnly.length], what: source },
  ];
}

function emptyFolder(path: string, target: string): TapeEntry {
  return { syscall: 'mount', args: ['tmpfs', target, 'tmpfs', MS.RDONLY | lockedDown, 'size=0k'], what: path };
}

function newFileSystem(type: string, target: string, flags: number): TapeEntry {
  return { syscall: 'mount', args: [type, target, type, flags, 0], what: type };
}

function bind(source: string, target: string): TapeEntry {
  return { syscall: 'mount', args: [source, target, 0, MS.BIND | MS.REC, 0], what: source };
}

/**
 * Masks with the usual means: /dev/null over files, an empty read-only tmpfs over folders, a read-only bind over the rest. Where these really are,
 * since the image's /proc and /sys may be links.
 */
function hiddenPaths({ places, sys, kernel }: SandboxFacts): TapeEntry[] {
  const { readOnly } = kernel;
  const isThere = (path: string): boolean => sys === 'new' || !kernel.sysMounts.some((mount) => isBelow(path, mount));
  const maskedFiles = kernel.maskedFiles.filter(isThere);
  const maskedDirectories = kernel.maskedDirectories.filter(isThere);
  const at = (path: string): string => (path.startsWith('/sys/') ? places.sys : places.proc) + path.replace(/^\/\w+/, '');
  return [
    ...maskedFiles.map((path) => bind(`${places.dev}/null`, at(path))),
    ...maskedDirectories.map((path) => emptyFolder(path, at(path))),
    ...readOnly.flatMap((path): TapeEntry[] => [
      bind(at(path), at(path)),
      { syscall: 'mount', args: [0, at(path), 0, MS.BIND | MS.REMOUNT | MS.RDONLY | lockedDown, 0], what: path },
    ]),
  ];
}

function limits(action: RunAction, { kernel }: SandboxFacts): TapeEntry[] {
  return resourceLimits(action.ulimits, kernel.hardLimits).map((limit) => {
    return { syscall: 'prlimit64', args: [0, limit.resource, limitBytes(limit), 0], what: `limit ${limit.name}` };
  });
}

/** Leaving uid 0 clears the effective and permitted set; staying, they are cut down to the bounding set here. */
function identity({ user, canSetGroups }: SandboxFacts, { held }: ConfinementEntries): TapeEntry[] {
  const ids = `${user.uid}:${user.gid}`;
  // The primary group too, else a file that its group may not read could be read after a change of group (CVE-2023-25173).
  const groups = [...new Set([user.gid, ...user.groups])];
  const list = Buffer.alloc(groups.length * 4);
  groups.forEach((group, index) => list.writeUInt32LE(group, index * 4));
  return [
    ...(canSetGroups ? [{ syscall: 'setgroups', args: [groups.length, list], what: 'groups' } as const] : []),
    { syscall: 'setresgid', args: [user.gid, user.gid, user.gid], what: ids },
    { syscall: 'setresuid', args: [user.uid, user.uid, user.uid], what: ids },
    ...(user.uid === 0 ? held : []),
  ];
}

/** The command, wherever PATH has it: the first file that can be started ends the tape. */
function programs(action: RunAction, { user }: SandboxFacts): TapeEntry[] {
  const environment = commandEnvironment(action, user);
  const candidates = candidatesOf(action.argv[0] ?? '', environment);
  return candidates.map((program, index) => {
    return {
      syscall: 'execve',
      args: [program, action.argv, environment],
      what: program,
      mayFail: index < candidates.length - 1,
    };
  });
}
