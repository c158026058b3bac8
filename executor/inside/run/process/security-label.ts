import { existsSync, readFileSync } from 'node:fs';
import { AT_FDCWD, O_CLOEXEC, O_WRONLY } from '../../../../native/constants.ts';
import type { TapeEntry } from '../../../../native/tape/tape.ts';
import { errnoOf } from '../../../../registry/oci/thrown.ts';
import type { Confinement, SecurityLabel } from '../../../protocol/confinement.ts';
import { Refusal } from '../../request/failure.ts';

/** What is written into which file of a process to say under which rules of a security module its next program runs. */
export interface ExecAttribute {
  readonly path: string;
  readonly text: string;
  readonly what: string;
}

/** The files by which a kernel tells of its security modules, and is told; tests have files of their own. Exported for tests. */
export const kernelFiles = {
  /** `Y` where AppArmor is on. (security/apparmor/lsm.c) */
  apparmor: '/sys/module/apparmor/parameters/enabled',
  /** There where SELinux is on. */
  selinux: '/sys/fs/selinux/enforce',
  /** A context, `user:role:type:level`. (proc_pid_attr(5)) */
  current: '/proc/self/attr/current',
  exec: '/proc/self/attr/exec',
  /** The same for one module alone, where several are on. (Linux 5.8) */
  apparmorExec: '/proc/self/attr/apparmor/exec',
};

/**
 * The rules that a command was asked to run under. A label without SELinux asks for nothing, as in podman, and is told.
 *
 * @throws Refusal where AppArmor is not on
 */
export function execAttributes(
  { apparmor, label }: Confinement,
  { files = kernelFiles, warn }: { readonly files?: typeof kernelFiles; readonly warn: (message: string) => void },
): readonly ExecAttribute[] {
  const attributes: ExecAttribute[] = [];
  if (apparmor !== undefined) attributes.push(apparmorAttribute(apparmor, files));
  if (label === undefined) return attributes;
  if (existsSync(files.selinux)) attributes.push(selinuxAttribute(label, files));
  else warn('SELinux is not on here, so --security-opt label= has no effect');
  return attributes;
}

function apparmorAttribute(profile: string, files: typeof kernelFiles): ExecAttribute {
  if (!textOf(files.apparmor).startsWith('Y')) {
    throw new Refusal(
      'machine',
      `Cannot use the AppArmor profile "${profile}": AppArmor is not on here`,
      'Leave out --security-opt apparmor=',
    );
  }
  const path = existsSync(files.apparmorExec) ? files.apparmorExec : files.exec;
  return { path, text: `exec ${profile}`, what: `AppArmor profile "${profile}"` };
}

function selinuxAttribute(asked: SecurityLabel, files: typeof kernelFiles): ExecAttribute {
  // A level holds colons itself.
  const [, user, role, type, level] = /^([^:]+):([^:]+):([^:]+):([^\0\n]+)/.exec(textOf(files.current)) ?? [];
  const own = { user, role, type, level };
  const text = [asked.user ?? own.user, asked.role ?? own.role, asked.type ?? own.type, asked.level ?? own.level].join(':');
  return { path: files.exec, text, what: `SELinux label "${text}"` };
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) !== undefined) return '';
    throw error;
  }
}

/** `position` is how many entries the tape has before. The kernel forgets it with the next execve() that works. */
export function attributeEntries(attributes: readonly ExecAttribute[], position: number): readonly TapeEntry[] {
  return attributes.flatMap(({ path, text, what }, index): TapeEntry[] => {
    const bytes = Buffer.from(text);
    return [
      { syscall: 'openat', args: [AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0], what },
      { syscall: 'write', args: [{ kind: 'result', entry: position + 2 * index }, bytes, bytes.length], what },
    ];
  });
}
