import { setTimeout as delay } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';

/** Longer than V8 takes to compile a function, mostly. */
const quietMs = 20;

/**
 * Ends a thread that has nothing to do any more, after a quiet moment. Node 20 aborts the whole process when V8 is still compiling code of
 * the thread and wants to collect garbage for it: the thread is struck off before its compilers are waited for. It is rare, and was seen in
 * the tests. (node_platform.cc, ForIsolate; node_worker.cc, ~WorkerThreadData)
 */
export async function endThread(thread: Worker): Promise<void> {
  await delay(quietMs);
  await thread.terminate();
}
