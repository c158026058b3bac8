/**
 * The worker's program: root in user and mount namespaces of its own, file descriptor 3 is the socket to main, the argument is the
 * store's folder. It ends when main closes the socket, and the kernel ends it when main dies.
 */
import { Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { F_SETFD, FD_CLOEXEC, MNT_DETACH, UMOUNT_NOFOLLOW } from '../../native/constants.ts';
import { fcntl } from '../../native/files.ts';
import { umount2 } from '../../native/mounts.ts';
import { isSyscallError } from '../../native/syscall-error.ts';
import type { WorkerRequest, WorkerResults } from '../protocol/messages.ts';
import { becomeOrdinary } from './request/ordinary-process.ts';
import type { RequestContext } from './request/request-context.ts';
import { serve } from './request/serve.ts';

const socketFd = 3;

/** Each handler is loaded when it is first asked for: a build seldom needs all. */
async function handle(request: WorkerRequest, context: RequestContext): Promise<WorkerResults[keyof WorkerResults]> {
  switch (request.kind) {
    case 'unpack':
      return (await import('./unpack/unpack.ts')).unpack(request, context);
    case 'step':
      return (await import('./step.ts')).step(request, context);
    case 'write-layer':
      return (await import('./blob/write-layer.ts')).writeLayer(request, context);
    case 'verify-layer':
      return (await import('./verify/verify-layer.ts')).verifyLayer(request, context);
    case 'convert-layer':
      return (await import('./blob/convert-layer.ts')).convertLayer(request, context);
    case 'export-tree':
      return (await import('./export/export-tree.ts')).exportTrees(request, context);
    case 'join-network':
      return (await import('./network/join-network.ts')).joinNetwork(request.network, context);
    case 'storage':
      return (await import('./overlay/chosen-backend.ts')).chooseBackend(request.asked);
    case 'trial':
      return (await import('./trial.ts')).trial(request, context);
    case 'remove':
      return (await import('./files/remove.ts')).remove(request, context);
  }
}

/**
 * The mount that we were started from, so that volumes with our program in them are as they were. What runs from it keeps it, read-only,
 * and nobody can reach it by a path. (MNT_DETACH in umount(2))
 */
function uncoverProgram(): void {
  try {
    umount2(process.execPath, MNT_DETACH | UMOUNT_NOFOLLOW);
  } catch (error) {
    // Whoever replaced the program on the machine has taken the mount away with it.
    if (!isSyscallError(error, 'EINVAL', 'ENOENT')) throw error;
  }
}

/**
 * V8 optimises what has run for a while, nine times as long as it would by itself: most builds end before that has paid, and on few processors it is done
 * at the cost of what the build waits for. A V8 that does not know the flag does as it would.
 */
function optimiseLater(): void {
  setFlagsFromString('--interrupt-budget=600000');
}

// Not awaited at the top level: handlers in files of their own import from this one, and would wait for it to be evaluated.
void runToEnd();

async function runToEnd(): Promise<void> {
  const [storeRoot] = process.argv.slice(2);
  if (storeRoot === undefined) throw new Error('Cannot start the worker: it needs the store as its argument');
  becomeOrdinary();
  optimiseLater();
  uncoverProgram();
  // Programs that the worker starts must not hold main's socket open.
  fcntl(socketFd, F_SETFD, FD_CLOEXEC);
  await serve(new Socket({ fd: socketFd }), {
    storeRoot,
    handle,
    toFailure: async (error) => (await import('./request/failure.ts')).toFailure(error),
  });
  // Mounts and helpers of cancelled requests end with the process and its namespaces.
  process.exit(0);
}
