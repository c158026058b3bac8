import { accessSync, constants, existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { errnoOf, hasErrno } from '../../../../registry/oci/thrown.ts';

/** What this process sees of itself: texts of proc(5), and who started it. Tests have others. */
export interface GroupSurroundings {
  readonly mountinfo: string;
  readonly cgroup: string;
  readonly pid: number;
  /** The builder's main process, which is in the same group, with all that it has started. */
  readonly mainPid: number;
  readonly procFolder: string;
}

/** A folder in which groups of commands can be made, or why there is none. */
export type GroupFolder =
  | { readonly kind: 'folder'; readonly path: string; readonly controllers: readonly string[] }
  | { readonly kind: 'none'; readonly why: string };

/** The leaf of the builder's own processes: a group has either processes or groups with controllers. */
const ownLeaf = 'tsbuild';

/**
 * Finds or prepares the group in which the groups of commands are made: the one that was asked for, else the builder's own, whose processes move to
 * a leaf, else for root the top of the hierarchy. `controllers` of the result are those of the wanted that commands can have there.
 */
export function findGroupFolder(wanted: readonly string[], parent: string | undefined, around: GroupSurroundings): GroupFolder {
  const top = mountPointOf(around.mountinfo);
  if (top === undefined) return { kind: 'none', why: 'this machine has no control groups of version 2' };
  const own = /^0::(\/.*)$/m.exec(around.cgroup)?.[1];
  if (own === undefined || own.startsWith('/..')) {
    return { kind: 'none', why: 'the control group of this process is not visible' };
  }
  const here = below(top, own);
  if (parent !== undefined) return reachable(here, given(below(top, parent), wanted));
  // What is switched on for groups at its top keeps runtimes such as crun from working at all.
  if (hasOldControllers(around.cgroup)) {
    return { kind: 'none', why: 'this machine has its controllers in control groups of version 1' };
  }
  const home = path.basename(here) === ownLeaf ? path.dirname(here) : here;
  const found = ofBuilder(home, wanted, { ...around, isTop: home === top });
  if (found.kind === 'folder' || home === top) return found;
  const atTop = reachable(here, enabledIn(top, wanted));
  return atTop.kind === 'folder' ? atTop : found;
}

/** Lines such as `8:pids:/`; those with a name have none. (cgroups(7)) */
function hasOldControllers(cgroup: string): boolean {
  return /^\d+:[^:=]+:/m.test(cgroup);
}

function below(top: string, group: string): string {
  const name = path.posix.normalize(`/${group}`).replace(/\/$/, '');
  return top + name;
}

/** Whoever moves a process needs the right to the group above both places, too. ("Delegation Containment" in cgroup-v2.rst) */
function reachable(from: string, found: GroupFolder): GroupFolder {
  if (found.kind === 'none') return found;
  let above = found.path;
  while (from !== above && !from.startsWith(`${above}/`)) above = path.dirname(above);
  try {
    accessSync(path.join(above, 'cgroup.procs'), constants.W_OK);
    return found;
  } catch (error) {
    return refused(above, error);
  }
}

/** (proc_pid_mountinfo(5)) */
function mountPointOf(mountinfo: string): string | undefined {
  const line = mountinfo.split('\n').find((text) => / - cgroup2 /.test(text));
  return line?.split(' ')[4]?.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

function given(folder: string, wanted: readonly string[]): GroupFolder {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    return refused(folder, error);
  }
  return enabledIn(folder, wanted);
}

interface BuilderSurroundings extends GroupSurroundings {
  readonly isTop: boolean;
}

function ofBuilder(home: string, wanted: readonly string[], around: BuilderSurroundings): GroupFolder {
  const found = enabledIn(home, wanted);
  if (found.kind === 'folder' || !found.why.endsWith(otherProcesses)) return found;
  const leaf = path.join(home, ownLeaf);
  try {
    mkdirSync(leaf, { recursive: true });
    const moved = processesIn(home).filter((pid) => around.isTop || isOfBuilder(pid, around));
    moveAll(moved, leaf);
    const second = enabledIn(home, wanted);
    if (second.kind === 'none') {
      moveAll(moved, home);
      removeGroup(leaf);
    }
    return second;
  } catch (error) {
    return refused(home, error);
  }
}

const otherProcesses = 'there are other processes in it';

/** What the group has of the wanted controllers, given to the groups in it. */
function enabledIn(folder: string, wanted: readonly string[]): GroupFolder {
  try {
    const words = (name: string): readonly string[] => readFileSync(path.join(folder, name), 'utf8').split(/\s+/);
    const available = words('cgroup.controllers');
    const controllers = wanted.filter((name) => available.includes(name));
    if (controllers.length === 0 && wanted.length > 0) {
      return { kind: 'none', why: `"${folder}" has no controller ${wanted.join(', ')}` };
    }
    const enabled = words('cgroup.subtree_control');
    const missing = controllers.filter((name) => !enabled.includes(name));
    if (missing.length > 0) {
      writeFileSync(path.join(folder, 'cgroup.subtree_control'), missing.map((name) => `+${name}`).join(' '));
    }
    // Whoever may not make groups learns it here, once.
    const trial = path.join(folder, `${ownLeaf}-trial-${process.pid}`);
    mkdirSync(trial);
    rmdirSync(trial);
    return { kind: 'folder', path: folder, controllers };
  } catch (error) {
    return hasErrno(error, 'EBUSY')
      ? { kind: 'none', why: `"${folder}" cannot be divided: ${otherProcesses}` }
      : refused(folder, error);
  }
}

function refused(folder: string, error: unknown): GroupFolder {
  const errno = errnoOf(error);
  if (errno === undefined) throw error;
  return { kind: 'none', why: `"${folder}" cannot be used: ${reasons[errno] ?? errno}` };
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'it belongs to somebody else',
  EPERM: 'it belongs to somebody else',
  EROFS: 'it is read-only',
  ENOENT: 'it is not there',
};

function processesIn(folder: string): readonly number[] {
  return readFileSync(path.join(folder, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
}

/** The main process, and what it has started. */
function isOfBuilder(pid: number, { mainPid, procFolder }: GroupSurroundings): boolean {
  for (let current = pid; current > 1; current = parentOf(current, procFolder)) if (current === mainPid) return true;
  return false;
}

/** 0 for one that has ended. (proc_pid_stat(5)) */
function parentOf(pid: number, procFolder: string): number {
  try {
    const stat = readFileSync(path.join(procFolder, String(pid), 'stat'), 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? 0);
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ESRCH')) return 0;
    throw error;
  }
}

/** One write each; what has ended meanwhile needs no place. */
function moveAll(pids: readonly number[], folder: string): void {
  for (const pid of pids) {
    try {
      writeFileSync(path.join(folder, 'cgroup.procs'), String(pid));
    } catch (error) {
      if (!hasErrno(error, 'ESRCH')) throw error;
    }
  }
}

/** Removes a group without processes. False where there are some. */
export function removeGroup(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return true;
    if (hasErrno(error, 'EBUSY', 'ENOTEMPTY')) return false;
    throw error;
  }
}

/** `tsbuild-PID-NUMBER`. */
const commandGroup = /^tsbuild-(?:trial-)?(\d+)(?:-\d+)?$/;

/** Removes what builders that were killed have left. */
export function sweepGroups(folder: string, procFolder: string): void {
  for (const name of readdirSync(folder)) {
    const pid = commandGroup.exec(name)?.[1];
    if (pid !== undefined && !existsSync(path.join(procFolder, pid))) removeGroup(path.join(folder, name));
  }
}
