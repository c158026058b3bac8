import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { release } from 'node:os';
import { AT_FDCWD, O_PATH, RESOLVE } from '../../../../native/constants.ts';
import { close, openat2 } from '../../../../native/files.ts';
import { landlockVersion, resourceLimit } from '../../../../native/processes.ts';
import { isSyscallError } from '../../../../native/syscall-error.ts';
import { type Architecture, currentArchitecture } from '../../../../native/syscall-numbers.ts';
import { isBelow } from '../../../../registry/oci/text/path-below.ts';
import type { KernelVersion } from '../seccomp/profile.ts';
import { limitKinds } from './resource-limits.ts';

/** What the running kernel has. */
export interface KernelFacts {
  readonly architecture: Architecture;
  readonly version: KernelVersion;
  /** The highest capability it knows. */
  readonly lastCapability: number;
  /** Paths below /proc and /sys that are hidden from a command; and those it may only read. */
  readonly maskedFiles: readonly string[];
  readonly maskedDirectories: readonly string[];
  readonly readOnly: readonly string[];
  /** Folders below /sys on which this machine has mounted something, without those in another one. */
  readonly sysMounts: readonly string[];
  readonly hasUnifiedCgroups: boolean;
  /** It lets a path be opened with rules for its links, and no filter refuses that. (openat2(2)) */
  readonly hasOpenat2: boolean;
  /** By resource; nobody without privileges can raise them. */
  readonly hardLimits: readonly bigint[];
  /** Whether Landlock can keep a command from sockets and processes outside of it (Linux 6.12). */
  readonly hasScopes: boolean;
}

let known: KernelFacts | undefined;

/** What the running kernel has; looked up once. */
export function kernelFacts(): KernelFacts {
  known ??= lookUp();
  return known;
}

/** What docker, containerd or podman hide from a container: the host's hardware, keys and timers. */
const masked = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/dev/block',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
  '/sys/fs/selinux',
];
const readOnly = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

function lookUp(): KernelFacts {
  const present = [...masked, ...throttleFolders()].flatMap((path) => {
    const status = statSync(path, { throwIfNoEntry: false });
    return status === undefined ? [] : [{ path, isDirectory: status.isDirectory() }];
  });
  return {
    architecture: currentArchitecture(),
    version: kernelVersion(release()),
    lastCapability: Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8')),
    maskedFiles: present.filter(({ isDirectory }) => !isDirectory).map(({ path }) => path),
    maskedDirectories: present.filter(({ isDirectory }) => isDirectory).map(({ path }) => path),
    readOnly: readOnly.filter((path) => existsSync(path)),
    sysMounts: topMountsBelow('/sys', readFileSync('/proc/self/mountinfo', 'utf8')).filter((path) => isFolder(path)),
    hasUnifiedCgroups: existsSync('/sys/fs/cgroup/cgroup.controllers'),
    hasOpenat2: canOpenByRules(),
    hardLimits: Array.from({ length: limitKinds }, (_, resource) => resourceLimit(resource).hard),
    hasScopes: landlockVersion() >= 6,
  };
}

/** How hot the processors are tells what runs on them. */
function throttleFolders(): readonly string[] {
  const folder = '/sys/devices/system/cpu';
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => /^cpu\d+$/.test(name))
    .map((name) => `${folder}/${name}/thermal_throttle`);
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/**
 * The mount points of a text of /proc/PID/mountinfo that lie below a folder, without those that lie below another one. (proc_pid_mountinfo(5))
 *
 * Exported for tests.
 */
export function topMountsBelow(folder: string, mountinfo: string): readonly string[] {
  const points = mountinfo.split('\n').map((line) => withoutEscapes(line.split(' ')[4] ?? ''));
  const below = [...new Set(points)].filter((point) => isBelow(point, folder));
  return below.filter((point) => !below.some((other) => isBelow(point, other)));
}

function withoutEscapes(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** Some containers' filters do not know the call. */
function canOpenByRules(): boolean {
  try {
    close(openat2(AT_FDCWD, '/', { flags: O_PATH, resolve: RESOLVE.NO_MAGICLINKS }));
    return true;
  } catch (error) {
    if (isSyscallError(error, 'ENOSYS', 'EPERM')) return false;
    throw error;
  }
}

/** Of a release such as `6.1.0-18-amd64`. */
function kernelVersion(text: string): KernelVersion {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(text) ?? [];
  return [Number(major ?? 0), Number(minor ?? 0)];
}
