/** Root of the namespaces: does what the lines on the socket say, one after the other, and empties the store at the end. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { convertLayer } from '../../../executor/inside/blob/convert-layer.ts';
import { writeLayer } from '../../../executor/inside/blob/write-layer.ts';
import { commitLayer } from '../../../executor/inside/commit/commit.ts';
import { exportTrees } from '../../../executor/inside/export/export-tree.ts';
import { remove, removePath } from '../../../executor/inside/files/remove.ts';
import { joinNetwork } from '../../../executor/inside/network/join-network.ts';
import { chooseBackend } from '../../../executor/inside/overlay/chosen-backend.ts';
import { BlobGrowth } from '../../../executor/inside/request/blob-growth.ts';
import { toFailure } from '../../../executor/inside/request/failure.ts';
import type { RequestContext } from '../../../executor/inside/request/request-context.ts';
import { step } from '../../../executor/inside/step.ts';
import { trial } from '../../../executor/inside/trial.ts';
import { unpack } from '../../../executor/inside/unpack/unpack.ts';
import { verifyLayer } from '../../../executor/inside/verify/verify-layer.ts';
import type { WorkerRequest } from '../../../executor/protocol/messages.ts';
import { getXattr, setXattr } from '../../../native/xattrs.ts';
import type { LabAnswer, LabOrder } from './lab-order.ts';

const [storeRoot = ''] = process.argv.slice(2);

async function obey(order: LabOrder): Promise<LabAnswer> {
  const warnings: string[] = [];
  const context: RequestContext = {
    storeRoot,
    signal: new AbortController().signal,
    growth: new BlobGrowth(),
    onOutput: () => undefined,
    progress: () => undefined,
    usage: () => undefined,
    outputDrained: () => Promise.resolve(),
    warn: (message) => warnings.push(message),
  };
  try {
    return { kind: 'result', result: await carryOut(order, context), warnings };
  } catch (error) {
    return { kind: 'failure', failure: toFailure(error), warnings };
  }
}

async function carryOut(order: LabOrder, context: RequestContext): Promise<unknown> {
  switch (order.kind) {
    case 'where':
      return storeRoot;
    case 'shell':
      return shell(order.script);
    case 'xattr':
      setXattr(path.join(storeRoot, order.path), order.name, Buffer.from(order.value, 'latin1'));
      return undefined;
    case 'opaque':
      return shell(`cd ${order.path}; find . -type d`)
        .split('\n')
        .filter((name) => name !== '' && getXattr(path.join(order.path, name), 'user.overlay.opaque')?.toString() === 'y')
        .map((name) => name.slice(2))
        .toSorted();
    case 'commit':
      return commitLayer({
        ...order,
        buildStartNs: BigInt(order.buildStartNs),
        signal: context.signal,
        warn: (message) => context.warn(message),
      });
    case 'request':
      return handle(order.request, context);
    case 'stretch':
      return longestStretch(() => handle(order.request, context));
    case 'memory':
      return process.resourceUsage().maxRSS;
    default:
      return order;
  }
}

async function handle(request: WorkerRequest, context: RequestContext): Promise<unknown> {
  switch (request.kind) {
    case 'unpack':
      return unpack(request, context);
    case 'step':
      return step(request, context);
    case 'convert-layer':
      return convertLayer(request, context);
    case 'write-layer':
      return writeLayer(request, context);
    case 'verify-layer':
      return verifyLayer(request, context);
    case 'export-tree':
      return exportTrees(request, context);
    case 'remove':
      return remove(request, context);
    case 'join-network':
      return joinNetwork(request.network, context);
    case 'storage':
      return chooseBackend(request.asked);
    case 'trial':
      return trial(request, context);
    default:
      return request;
  }
}

/** Time that others have the processor does not count, so that a busy machine makes no difference. */
async function longestStretch(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let last = processorMs();
  const look = (): void => {
    const now = processorMs();
    longest = Math.max(longest, now - last);
    last = now;
  };
  const turns = (): void => {
    look();
    next = setImmediate(turns);
  };
  let next = setImmediate(turns);
  try {
    await work();
    look();
    return longest;
  } finally {
    clearImmediate(next);
  }
}

/** What this thread has used of its processor. (proc(5), schedstat) */
function processorMs(): number {
  return Number(readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ')[0]) / 1e6;
}

function shell(script: string): string {
  const { status, stdout, stderr } = spawnSync('sh', ['-ec', script], {
    cwd: storeRoot,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
  });
  if (status !== 0) {
    throw new Error(`Script failed: ${stderr}`);
  }
  return stdout;
}

const socket = new Socket({ fd: 3 });
for await (const line of createInterface({ input: socket })) {
  const order: LabOrder = JSON.parse(line);
  socket.write(`${JSON.stringify(await obey(order))}\n`);
}
for (const name of readdirSync(storeRoot)) await removePath(path.join(storeRoot, name));
process.exit(0);
