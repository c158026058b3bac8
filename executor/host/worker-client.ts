import type { CommandUsage } from '../protocol/command-usage.ts';
import type { WorkerFailure } from '../protocol/failures.ts';
import { encodeMessage, type Frame, FrameDecoder } from '../protocol/frames.ts';
import type { MainMessage, WorkerMessage, WorkerRequest, WorkerResults } from '../protocol/messages.ts';
import { EnvironmentError, ExecutorError } from './errors.ts';
import { countIds, type IdPlan } from './id-map.ts';
import { type LaunchedWorker, type LaunchOptions, launchWorker } from './launch.ts';
import { describeTier, type WorkerTier } from './tier.ts';

export interface WorkerStartOptions extends LaunchOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface RequestOptions {
  readonly signal?: AbortSignal | undefined;
  /** How long processes have between SIGTERM and SIGKILL when the signal aborts; 2 seconds when left out. */
  readonly graceMs?: number | undefined;
  onOutput?(stream: 'stdout' | 'stderr', bytes: Uint8Array): void;
  /** What the command of a RUN took. */
  onUsage?(usage: CommandUsage): void;
  /** How far the request has come, in bytes of what it makes. */
  onProgress?(doneBytes: number): void;
  /** For a blob that is still arriving: called once the request is sent, with what is to be told how many bytes are in its file. */
  onSent?(tellGrown: (bytes: number) => void): void;
}

/** A request that has no answer yet. */
interface PendingRequest {
  readonly options: RequestOptions;
  /** `text` is the whole message, so that the result keeps the type of its request. */
  resolve(text: string): void;
  reject(error: unknown): void;
}

/** How long a worker that was told to end may take. */
const closeMs = 5000;
/** How long a request that was cancelled may take to clean up, beyond the grace of its processes. */
const cancelMs = 15_000;
const tailBytes = 4096;

/** Only the kernel and people send this. */
const killedHint =
  'Something killed it; where nothing else did, the machine or the container ran out of memory: give it more, or build fewer steps at a time with --jobs';

/**
 * Main's end of the worker: sends requests, which run beside each other, and hands out their results. The worker lives until the
 * client is closed, and dies with this process however that ends.
 */
export class WorkerClient implements AsyncDisposable {
  /** Which ids the worker has, and what that means. */
  readonly tier: WorkerTier;
  readonly ids: IdPlan;
  readonly #worker: LaunchedWorker;
  readonly #hasOneId: boolean;
  readonly #onWarning: (message: string) => void;
  readonly #pending = new Map<number, PendingRequest>();
  readonly #decoder = new FrameDecoder();
  readonly #ended: Promise<void>;
  #lastId = 0;
  #isReady = false;
  #isClosing = false;
  #isKilledByUs = false;
  #onReady: () => void = () => {};
  #death: Error | undefined;
  /** The end of what the worker complained about. */
  #tail = Buffer.alloc(0);

  /** Starts a worker. @throws EnvironmentError, or the reason of an aborted signal */
  static async start(options: WorkerStartOptions): Promise<WorkerClient> {
    options.signal?.throwIfAborted();
    const client = new WorkerClient(await launchWorker(options), options);
    const kill = (): void => client.kill();
    options.signal?.addEventListener('abort', kill, { once: true });
    await client.#start();
    options.signal?.removeEventListener('abort', kill);
    if (options.signal?.aborted === true) {
      client.kill();
      await client.#ended;
      options.signal.throwIfAborted();
    }
    if (client.#death !== undefined) throw client.#death;
    return client;
  }

  private constructor(worker: LaunchedWorker, options: WorkerStartOptions) {
    this.#worker = worker;
    this.#onWarning = (message) => options.onWarning?.(message);
    this.ids = worker.plan;
    this.tier = describeTier(worker);
    this.#hasOneId = countIds(worker.plan.uids) === 1;
    if (this.#hasOneId) {
      // A refusal was told with its cure.
      const { description, hint } = this.tier;
      this.#onWarning(hint === undefined || worker.refusalHint !== undefined ? description : `${description} (${hint})`);
    }
    this.#ended = this.#listen();
  }

  /**
   * Sends a request and waits for its answer. Rejects with ExecutorError when the worker could not do it, with EnvironmentError when
   * the worker died, and with the signal's reason when that ended it.
   */
  async request<R extends WorkerRequest>(request: R, options: RequestOptions = {}): Promise<WorkerResults[R['kind']]> {
    options.signal?.throwIfAborted();
    const id = ++this.#lastId;
    let patience: NodeJS.Timeout | undefined;
    const cancel = (): void => {
      const graceMs = options.graceMs ?? 2000;
      this.#send({ kind: 'cancel', id, graceMs });
      // One that does not answer is blocked, by a defect or by the kernel: then it ends without being asked.
      patience = setTimeout(() => this.kill(), graceMs + cancelMs);
    };
    options.signal?.addEventListener('abort', cancel, { once: true });
    try {
      return await this.#exchange(id, request, options);
    } catch (error) {
      // A worker that had to be killed says no more than that.
      options.signal?.throwIfAborted();
      throw error;
    } finally {
      clearTimeout(patience);
      options.signal?.removeEventListener('abort', cancel);
      this.#pending.delete(id);
      this.#endWhenIdle();
    }
  }

  /** Waits for the running requests, then ends the worker. No request may follow. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#endWhenIdle();
    await this.#ended;
  }

  /** Ends the worker and everything it runs at once; running requests are rejected. */
  kill(): void {
    this.#isClosing = true;
    this.#isKilledByUs = true;
    this.#worker.process.signal('SIGKILL');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Settles when the worker has said that it is ready, or has died. */
  async #start(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#onReady = resolve;
      if (this.#isReady || this.#death !== undefined) resolve();
    });
  }

  #exchange<R extends WorkerRequest>(id: number, request: R, options: RequestOptions): Promise<WorkerResults[R['kind']]> {
    return new Promise((resolve, reject) => {
      if (this.#death !== undefined || this.#isClosing) {
        throw this.#death ?? new Error(`Cannot send "${request.kind}" to the worker: it is closed`);
      }
      const resolveText = (text: string): void => {
        const { result }: { result: WorkerResults[R['kind']] } = JSON.parse(text);
        resolve(result);
      };
      this.#pending.set(id, { options, resolve: resolveText, reject });
      this.#send({ kind: 'request', id, request });
      options.onSent?.((bytes) => {
        if (this.#pending.has(id)) this.#send({ kind: 'grown', id, bytes });
      });
    });
  }

  #send(message: MainMessage): void {
    if (this.#worker.socket.writable) this.#worker.socket.write(encodeMessage(message));
  }

  /** Takes in all that the worker says; settles when it has ended and all of it was read. */
  async #listen(): Promise<void> {
    const { socket, complaints, process } = this.#worker;
    const socketClosed = new Promise((resolve) => socket.once('close', resolve));
    const complaintsClosed = new Promise((resolve) => complaints.once('close', resolve));
    socket.on('data', (bytes: Buffer) => this.#receive(bytes));
    complaints.on('data', (bytes: Buffer) => {
      this.#tail = Buffer.concat([this.#tail, bytes]).subarray(-tailBytes);
    });
    // A reset connection says no more than the worker's end, which is reported with its cause.
    socket.on('error', () => {});
    complaints.on('error', () => {});
    const status = await process.exited;
    await socketClosed;
    // A program that outlived the worker may hold the pipe open; what the worker wrote is already in it.
    const patience = setTimeout(() => complaints.destroy(), 100);
    await complaintsClosed;
    clearTimeout(patience);
    this.#bury(status.signal ?? `exit code ${status.exitCode}`, status.signal === 'SIGKILL' && !this.#isKilledByUs);
  }

  #bury(how: string, isKilled: boolean): void {
    const tail = this.#tail.toString('utf8').trim();
    const code = this.#isReady ? 'worker-died' : 'worker-not-started';
    const message = this.#isReady ? `The worker died: ${how}` : `Cannot start the worker: it ended with ${how}`;
    this.#death = new EnvironmentError(code, tail === '' ? message : `${message}\n${tail}`, isKilled ? { hint: killedHint } : {});
    for (const pending of this.#pending.values()) pending.reject(this.#death);
    this.#onReady();
  }

  #receive(bytes: Uint8Array): void {
    try {
      this.#decoder.push(bytes).forEach((frame) => this.#dispatch(frame));
    } catch (error) {
      // Whatever talks there does not speak our protocol: nothing it says can be used.
      this.#tail = Buffer.from(String(error));
      this.kill();
    }
  }

  #dispatch(frame: Frame): void {
    if (frame.kind === 'output') {
      this.#pending.get(frame.id)?.options.onOutput?.(frame.stream, frame.bytes);
      return;
    }
    const message: WorkerMessage = JSON.parse(frame.text);
    switch (message.kind) {
      case 'ready':
        this.#isReady = true;
        return this.#onReady();
      case 'result':
        return this.#pending.get(message.id)?.resolve(frame.text);
      case 'failure':
        return this.#pending.get(message.id)?.reject(new ExecutorError(this.#withCure(message.failure)));
      case 'progress':
        return this.#pending.get(message.id)?.options.onProgress?.(message.doneBytes);
      case 'usage':
        return this.#pending.get(message.id)?.options.onUsage?.(message.usage);
      case 'warning':
        return this.#onWarning(message.message);
    }
  }

  /** The worker does not know whose ids are free on this machine. What a command failed of, nobody knows; with one id that may be it. */
  #withCure(failure: WorkerFailure): WorkerFailure {
    const { hint } = this.tier;
    if (failure.kind === 'refused' && failure.code === 'no-mapped-id') {
      return {
        ...failure,
        hint: failure.hint ?? hint ?? 'Run "tsbuild doctor": it tells which ids there are, and how to get more',
      };
    }
    if (failure.kind !== 'command-failed' || !this.#hasOneId || hint === undefined) return failure;
    return { ...failure, hint: `There is only one user id here, which apt, useradd and chown cannot do with. ${hint}` };
  }

  #endWhenIdle(): void {
    if (this.#isClosing && this.#pending.size === 0 && this.#worker.socket.writable) {
      this.#worker.socket.end();
      const patience = setTimeout(() => this.kill(), closeMs);
      void this.#ended.finally(() => clearTimeout(patience));
    }
  }
}
