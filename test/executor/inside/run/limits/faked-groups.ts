import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { GroupSurroundings } from '../../../../../executor/inside/run/limits/group-folder.ts';

/**
 * Folders where a hierarchy of control groups would be, for controllers that this machine's has not: they show what would be written, not what the
 * kernel does of it. A process of this worker, 20, and its main one, 10, are in the group `/user/app`.
 */
export function fakedGroups(folder: string, changes: Partial<GroupSurroundings> = {}): GroupSurroundings {
  const procFolder = join(folder, 'proc');
  for (const [pid, parent] of [
    [10, 1],
    [20, 10],
    [30, 1],
  ]) {
    write(join(procFolder, `${pid}/stat`), `${pid} (a) b) S ${parent} 0 0`);
  }
  return {
    mountinfo: `30 20 0:26 / ${join(folder, 'groups')} rw,nosuid shared:9 - cgroup2 cgroup2 rw\n`,
    cgroup: '1:name=systemd:/elsewhere\n0::/user/app\n',
    pid: 20,
    mainPid: 10,
    procFolder,
    ...changes,
  };
}

/** A group with these controllers to give. */
export function fakeGroup(folder: string, name: string, controllers = 'memory pids cpu cpuset'): string {
  const path = join(folder, 'groups', name);
  write(join(path, 'cgroup.controllers'), `${controllers}\n`);
  write(join(path, 'cgroup.subtree_control'), '');
  write(join(path, 'cgroup.procs'), '');
  return path;
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
