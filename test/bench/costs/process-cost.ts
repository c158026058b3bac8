import { startTape } from '../../../native/tape/start.ts';
import { median } from '../measure.ts';

const rounds = 200;

/** Milliseconds that one process in seven new namespaces takes from start to end, without mounts. */
export async function processCost(): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const startMs = performance.now();
    const child = await startTape([{ syscall: 'execve', args: ['/bin/true', ['true'], []] }], {
      namespaces: ['user', 'mount', 'pid', 'ipc', 'uts', 'cgroup', 'net'],
    });
    await child.exited;
    times.push(performance.now() - startMs);
  }
  return median(times);
}
