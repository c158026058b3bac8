import { readFileSync } from 'node:fs';
import type { Outcome } from './outcome.ts';
import type { Sandbox } from './sandbox.ts';

/** podman with storage of its own in a sandbox, and no process left behind. */
export interface Podman extends Disposable {
  run(...args: readonly string[]): Outcome;
  /** The command line before the subcommand, for scripts. */
  readonly command: readonly string[];
}

export function podmanIn(box: Sandbox): Podman {
  box.folder('podman/runtime');
  const command = [
    'env',
    `XDG_RUNTIME_DIR=${box.at('podman/runtime')}`,
    'podman',
    `--root=${box.at('podman/root')}`,
    `--runroot=${box.at('podman/run')}`,
    '--storage-driver=vfs',
    '--cgroup-manager=cgroupfs',
  ];
  return {
    command,
    run: (...args) => box.run([...command, ...args]),
    [Symbol.dispose]: () => killPauseProcess(box.at('podman/runtime/libpod/tmp/pause.pid')),
  };
}

// podman keeps its user namespace alive by a process that waits for ever.
function killPauseProcess(pidFile: string): void {
  try {
    process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGKILL');
  } catch {
    // None was started.
  }
}
