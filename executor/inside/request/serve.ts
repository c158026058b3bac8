import type { Socket } from 'node:net';
import type { WorkerFailure } from '../../protocol/failures.ts';
import { encodeMessage, encodeOutput, FrameDecoder } from '../../protocol/frames.ts';
import type { MainMessage, WorkerMessage, WorkerRequest, WorkerResults } from '../../protocol/messages.ts';
import { BlobGrowth } from './blob-growth.ts';
import { RequestCancelled, type RequestContext } from './request-context.ts';

/** What the worker can do. */
export interface Service {
  readonly storeRoot: string;
  handle(request: WorkerRequest, context: RequestContext): Promise<WorkerResults[keyof WorkerResults]>;
  toFailure(error: unknown): WorkerFailure | Promise<WorkerFailure>;
}

/**
 * Answers the requests that come over the socket, all at once, until main closes it. Then what still runs is cancelled without
 * grace; settles when that has ended too.
 */
export async function serve(socket: Socket, service: Service): Promise<void> {
  const running = new Map<number, RunningRequest>();
  const send = (message: WorkerMessage): void => {
    if (socket.writable) socket.write(encodeMessage(message));
  };
  const receive = (message: MainMessage): void => {
    if (message.kind === 'cancel') {
      running.get(message.id)?.controller.abort(new RequestCancelled(message.graceMs));
      return;
    }
    if (message.kind === 'grown') {
      running.get(message.id)?.growth.grow(message.bytes);
      return;
    }
    const { id, request } = message;
    const controller = new AbortController();
    const growth = new BlobGrowth();
    const context = requestContext(id, { socket, send, signal: controller.signal, storeRoot: service.storeRoot, growth });
    const reply = async (): Promise<void> => {
      const outcome = await answer(request, context, service);
      running.delete(id);
      send({ ...outcome, id });
    };
    running.set(id, { controller, growth, done: reply() });
  };
  const decoder = new FrameDecoder();
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('data', (bytes: Buffer) => {
    decoder.push(bytes).forEach((frame) => {
      if (frame.kind === 'message') receive(JSON.parse(frame.text));
    });
  });
  // Main has gone; 'close' follows and says all there is to say.
  socket.on('error', () => {});
  send({ kind: 'ready' });
  await ended;
  running.forEach(({ controller }) => controller.abort(new RequestCancelled(0)));
  await Promise.all(Array.from(running.values(), ({ done }) => done));
}

interface RunningRequest {
  readonly controller: AbortController;
  readonly growth: BlobGrowth;
  readonly done: Promise<void>;
}

/** What a request's context is made of. */
interface Connection {
  readonly socket: Socket;
  readonly storeRoot: string;
  readonly signal: AbortSignal;
  readonly growth: BlobGrowth;
  readonly send: (message: WorkerMessage) => void;
}

type Reply =
  | { readonly kind: 'result'; readonly result: WorkerResults[keyof WorkerResults] }
  | { readonly kind: 'failure'; readonly failure: WorkerFailure };

async function answer(request: WorkerRequest, context: RequestContext, service: Service): Promise<Reply> {
  try {
    return { kind: 'result', result: await service.handle(request, context) };
  } catch (error) {
    // What a handler throws while it is being stopped is a consequence, not a finding.
    return { kind: 'failure', failure: context.signal.aborted ? { kind: 'cancelled' } : await service.toFailure(error) };
  }
}

function requestContext(id: number, { socket, storeRoot, signal, growth, send }: Connection): RequestContext {
  return {
    signal,
    growth,
    storeRoot,
    onOutput: (stream, bytes) => {
      if (socket.writable) socket.write(encodeOutput(id, stream, bytes));
    },
    outputDrained: () => drained(socket),
    progress: (doneBytes) => send({ kind: 'progress', id, doneBytes }),
    usage: (usage) => send({ kind: 'usage', id, usage }),
    warn: (message) => send({ kind: 'warning', id, message }),
  };
}

async function drained(socket: Socket): Promise<void> {
  if (socket.writableNeedDrain) {
    await new Promise<void>((resolve) => {
      const settle = (): void => {
        socket.off('drain', settle);
        socket.off('close', settle);
        resolve();
      };
      socket.on('drain', settle);
      socket.on('close', settle);
    });
  }
}
