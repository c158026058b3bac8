import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as later } from 'node:timers/promises';
import { errnoOf } from '../../../../registry/oci/thrown.ts';
import type { CommandLimits } from '../../../protocol/command-limits.ts';
import type { CommandUsage } from '../../../protocol/command-usage.ts';
import { Refusal } from '../../request/failure.ts';
import { ToldOnce } from '../../request/told-once.ts';
import { type ControlFile, controlFiles, controllerOf } from './control-files.ts';
import { findGroupFolder, type GroupFolder, type GroupSurroundings, removeGroup, sweepGroups } from './group-folder.ts';

/** The groups of the commands of this worker. */
export class ControlGroups {
  readonly #around: GroupSurroundings;
  readonly #folders = new Map<string, GroupFolder>();
  readonly #told = new ToldOnce();
  #count = 0;

  constructor(around: GroupSurroundings = ownSurroundings()) {
    this.#around = around;
  }

  /**
   * A new group with these limits; undefined where none can be had. What cannot be limited is told once, with the cure.
   *
   * @throws Refusal for a limit that the kernel does not take
   */
  make(limits: CommandLimits, warn: (message: string) => void): ControlGroup | undefined {
    const files = controlFiles(limits);
    const wanted = [...new Set(files.map(controllerOf))];
    const folder = this.#folderOf(wanted, limits.parent);
    if (folder.kind === 'none') {
      this.#tell(files, `${folder.why}. ${cure()}`, warn);
      return undefined;
    }
    const lacking = wanted.filter((name) => !folder.controllers.includes(name));
    const withoutController = files.filter((file) => lacking.includes(controllerOf(file)));
    if (lacking.length > 0) {
      this.#tell(withoutController, `"${folder.path}" has no controller ${lacking.join(', ')}. ${cure()}`, warn);
    }
    const here = path.join(folder.path, `tsbuild-${this.#around.pid}-${++this.#count}`);
    mkdirSync(here);
    const group = new ControlGroup(here, limits);
    group.limit(files.filter((file) => folder.controllers.includes(controllerOf(file))));
    return group;
  }

  #folderOf(wanted: readonly string[], parent: string | undefined): GroupFolder {
    const key = JSON.stringify([wanted, parent]);
    const known = this.#folders.get(key);
    if (known !== undefined) return known;
    const found = findGroupFolder(wanted, parent, this.#around);
    if (found.kind === 'folder') sweepGroups(found.path, this.#around.procFolder);
    this.#folders.set(key, found);
    return found;
  }

  #tell(files: readonly ControlFile[], why: string, warn: (message: string) => void): void {
    const flags = files.flatMap(({ flag }) => (flag === undefined ? [] : [flag]));
    const message = `Commands run without ${flags.length === 0 ? '--cgroup-parent' : flags.join(', ')}: ${why}`;
    this.#told.tell(message, warn);
  }
}

/** The control group of one command. Removed with it. */
export class ControlGroup implements AsyncDisposable {
  readonly #folder: string;
  readonly #limits: CommandLimits;

  constructor(folder: string, limits: CommandLimits) {
    this.#folder = folder;
    this.#limits = limits;
  }

  /** @throws Refusal */
  limit(files: readonly ControlFile[]): void {
    for (const file of files) {
      try {
        // An open of control files never makes them.
        writeFileSync(path.join(this.#folder, file.name), file.value, { flag: 'r+' });
      } catch (error) {
        if (file.flag === undefined && errnoOf(error) !== undefined) continue;
        removeGroup(this.#folder);
        throw limitRefused(file, error);
      }
    }
  }

  /** Puts a process into it, before it has started anything. */
  add(pid: number): void {
    writeFileSync(path.join(this.#folder, 'cgroup.procs'), String(pid));
  }

  /** What all that was ever in it took, where the kernel tells (memory.peak: Linux 5.19); else as it was known without. */
  usage(known: CommandUsage | undefined): CommandUsage | undefined {
    const microseconds = /^usage_usec (\d+)$/m.exec(this.#text('cpu.stat'))?.[1];
    const peak = /^(\d+)$/m.exec(this.#text('memory.peak'))?.[1];
    const processorMs = microseconds === undefined ? known?.processorMs : Math.round(Number(microseconds) / 1000);
    if (processorMs === undefined) return known;
    if (peak === undefined) return { ...known, processorMs };
    return { processorMs, memory: { peakBytes: Number(peak), of: 'all-processes' } };
  }

  /** The limit at which the kernel has ended processes of it; undefined where it has not. */
  get exceededMemory(): number | undefined {
    const kills = Number(/^oom_kill (\d+)$/m.exec(this.#text('memory.events'))?.[1] ?? 0);
    return kills > 0 ? this.#limits.memoryBytes : undefined;
  }

  /** Processes that were killed with the command may need a moment to be gone; what stays then goes with a later build. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (let waitMs = 1; !removeGroup(this.#folder) && waitMs < 1000; waitMs *= 2) await later(waitMs);
  }

  #text(name: string): string {
    const file = path.join(this.#folder, name);
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  }
}

function limitRefused({ name, value, flag }: ControlFile, error: unknown): unknown {
  const errno = errnoOf(error);
  if (errno === undefined) return error;
  const why = errno === 'EINVAL' || errno === 'ERANGE' ? 'the kernel does not take it here' : errno;
  return new Refusal('not-supported', `Cannot limit the command by ${flag ?? name}, ${name} = ${value}: ${why}`);
}

/** The smallest change that gives groups, by what is around. */
function cure(): string {
  if (existsSync('/.dockerenv') || existsSync('/run/.containerenv')) {
    return 'In a container control groups must be writable: docker run --privileged --cgroupns=private, podman run --security-opt unmask=/sys/fs/cgroup';
  }
  return existsSync('/run/systemd/system')
    ? 'Start it as systemd-run --user --scope -p Delegate=yes tsbuild ..., as root without --user'
    : 'Give a control group of version 2 that belongs to you and has no processes: --cgroup-parent';
}

function ownSurroundings(): GroupSurroundings {
  return {
    mountinfo: readFileSync('/proc/self/mountinfo', 'utf8'),
    cgroup: readFileSync('/proc/self/cgroup', 'utf8'),
    pid: process.pid,
    mainPid: process.ppid,
    procFolder: '/proc',
  };
}
