import { close } from '../../../native/files.ts';
import { watchReadable } from '../../../native/libc.ts';
import { pidfdOpen } from '../../../native/processes.ts';

/** Settles when a process that is alive now has ended, child or not. */
export function hasEnded(pid: number): Promise<void> {
  const pidfd = pidfdOpen(pid);
  return new Promise((resolve) => {
    const watch = watchReadable(pidfd, () => {
      watch.close();
      close(pidfd);
      resolve();
    });
  });
}
