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

/** How a container around the program differs from podman's default one. */
export interface ContainerOptions {
  /** More arguments for `podman run`. */
  readonly args?: readonly string[];
  /** Calls that its seccomp profile refuses with EPERM; all others are allowed. Without it the profile is podman's. */
  readonly refusedCalls?: readonly string[];
}

/** A real container around a command, started by root: its root is the machine's, as an overlay that is thrown away. Needs `tool:podman` and root. */
export function containerAround(
  box: Sandbox,
  command: readonly string[],
  { args = [], refusedCalls }: ContainerOptions = {},
): Outcome {
  box.folder('container');
  if (refusedCalls !== undefined) box.file('container/seccomp.json', profileWithout(refusedCalls));
  const settings = [
    `--root=${box.at('container/root')}`,
    `--runroot=${box.at('container/run')}`,
    '--storage-driver=vfs',
    '--cgroup-manager=cgroupfs',
  ];
  const container = [
    '--rm',
    '--cgroups=disabled',
    '--network=none',
    '--ulimit=nofile=1024:1024',
    '--ulimit=nproc=1024:1024',
    `--env=TSBUILD_STORE=${box.store}`,
    `--workdir=${box.path}`,
    `--volume=${box.path}:${box.path}`,
    ...(refusedCalls === undefined ? [] : [`--security-opt=seccomp=${box.at('container/seccomp.json')}`]),
    ...args,
  ];
  const podman = ['podman', ...settings, 'run', ...container, '--rootfs', '/:O', ...command];
  return box.run(cgroupsAloneFor(podman), { staysRoot: true });
}

function profileWithout(names: readonly string[]): string {
  return JSON.stringify({
    defaultAction: 'SCMP_ACT_ALLOW',
    syscalls: [{ names, action: 'SCMP_ACT_ERRNO', errnoRet: 1 }],
  });
}

// podman's runtime refuses machines that have control groups of the old and the new kind at once. There it is shown the new kind alone, by all
// commands: those that come later join the mount namespace of the first one.
function onlyNewControlGroups({ user }: Sandbox): readonly string[] {
  if (process.getuid?.() !== 0) return [];
  return cgroupsAloneFor(['setpriv', '--reuid', `${user.uid}`, '--regid', `${user.gid}`, '--init-groups', '--']);
}

function cgroupsAloneFor(command: readonly string[]): readonly string[] {
  const script = `
    if [ "$(stat -fc %T /sys/fs/cgroup)" != cgroup2fs ]; then
      umount -R /sys/fs/cgroup
      mount -t cgroup2 none /sys/fs/cgroup
    fi
    exec "$@"`;
  return ['unshare', '--mount', '--propagation', 'private', 'sh', '-ec', script, 'sh', ...command];
}

// podman keeps its user namespace alive by a process that waits for ever.
function killPauseProcess(pidFile: string): void {
  try {
    process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGKILL');
  } catch {
    // None was started.
  }
}
