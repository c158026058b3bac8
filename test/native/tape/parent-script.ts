/** Starts a process, leaves another at the gate, and prints their numbers. The test kills it. */
import { startTape } from '../../../native/tape/start.ts';
import type { TapeEntry } from '../../../native/tape/tape.ts';

const sleep: TapeEntry = { syscall: 'execve', args: ['/bin/sleep', ['sleep', '1000'], []] };
const running = await startTape([sleep], { namespaces: [] });
await startTape([sleep], {
  namespaces: [],
  onCloned: (pid) => {
    process.stdout.write(`${running.pid} ${pid}\n`);
    return new Promise(() => {});
  },
});
