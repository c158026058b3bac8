import { readFileSync } from 'node:fs';
import type { Outcome } from './outcome.ts';
import type { Sandbox } from './sandbox.ts';

/** podman with storage of its own in a sandbox, run as the user, and no process left behind. */
export interface Podman extends Disposable {
  run(...args: readonly string[]): Outcome;
  /** `podman run` of an image and a command. */
  container(...args: readonly string[]): Outcome;
}

export function podmanIn(box: Sandbox): Podman {
  box.folder('podman/runtime');
  const command = [
    ...onlyNewControlGroups(box),
    'env',
    `XDG_RUNTIME_DIR=${box.at('podman/runtime')}`,
    'podman',
    `--root=${box.at('podman/root')}`,
    `--runroot=${box.at('podman/run')}`,
    '--storage-driver=vfs',
    '--cgroup-manager=cgroupfs',
  ];
  const run = (...args: readonly string[]): Outcome => box.run([...command, ...args], { staysRoot: true });
  return {
    run,
    container: (...args) => run('run', '--rm', '--cgroups=disabled', '--network=none', ...args),
    [Symbol.dispose]: () => killPauseProcess(box.at('podman/runtime/libpod/tmp/pause.pid')),
  };
}

// podman's runtime refuses machines that have control groups of the old and the new kind at once. There it is shown the new kind alone, by all
// commands: those that come later join the mount namespace of the first one.
function onlyNewControlGroups({ user }: Sandbox): readonly string[] {
  if (process.getuid?.() !== 0) return [];
  const script = `
    if [ "$(stat -fc %T /sys/fs/cgroup)" != cgroup2fs ]; then
      umount -R /sys/fs/cgroup
      mount -t cgroup2 none /sys/fs/cgroup
    fi
    exec setpriv --reuid ${user.uid} --regid ${user.gid} --init-groups -- "$@"`;
  return ['unshare', '--mount', '--propagation', 'private', 'sh', '-ec', script, 'sh'];
}

// podman keeps its user namespace alive by a process that waits for ever.
function killPauseProcess(pidFile: string): void {
  try {
    process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGKILL');
  } catch {
    // None was started.
  }
}
