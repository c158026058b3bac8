import type { CommandUsage } from '../../protocol/command-usage.ts';
import type { BlobGrowth } from './blob-growth.ts';

/** What a handler is given beside its request. */
export interface RequestContext {
  /** Aborted when main cancels the request; the reason is a RequestCancelled. */
  readonly signal: AbortSignal;
  /** The store's folder, absolute. */
  readonly storeRoot: string;
  /** Of the blob that the request is about, while it arrives. */
  readonly growth: BlobGrowth;
  /** Sends output of a command to main. The bytes are copied. */
  onOutput(stream: 'stdout' | 'stderr', bytes: Uint8Array): void;
  /** Settles when main has taken the output that was sent: await it between reads, so that nothing piles up here. */
  outputDrained(): Promise<void>;
  /** Tells how far the request has come, in bytes of what it makes. */
  progress(doneBytes: number): void;
  /** Tells what the command of a RUN took. */
  usage(usage: CommandUsage): void;
  /** Tells the person something they should know, such as an attribute that the file system cannot hold. */
  warn(message: string): void;
}

/** Why a request ends early. Its reply is a `cancelled` failure. */
export class RequestCancelled extends Error {
  override readonly name = 'RequestCancelled';
  /** Processes get SIGTERM at once and SIGKILL after this time. */
  readonly graceMs: number;

  constructor(graceMs: number) {
    super('The request was cancelled');
    this.graceMs = graceMs;
  }
}
