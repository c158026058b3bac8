import { reasonOf } from '../../registry/oci/thrown.ts';
import type { EndState, StepId, StepUsage } from '../contract/events.ts';
import type { Tell } from './tell.ts';

interface ShownStepOptions {
  readonly id: StepId;
  readonly title: string;
  readonly tell: Tell;
}

/** Tells of one piece of work that people wait for: that it began, that it waits for others, how it goes, and how it ended. */
export class ShownStep {
  readonly id: StepId;
  readonly #title: string;
  readonly #tell: Tell;
  #usage: StepUsage | undefined;
  #state: 'new' | 'started' | 'waiting' = 'new';

  constructor({ id, title, tell }: ShownStepOptions) {
    this.id = id;
    this.#title = title;
    this.#tell = tell;
  }

  get isStarted(): boolean {
    return this.#state !== 'new';
  }

  start(): void {
    if (this.#state === 'started') return;
    this.#state = 'started';
    this.#tell({ kind: 'step-started', id: this.id, title: this.#title });
  }

  /** What has begun waits for others. Nothing of what has not. */
  wait(): void {
    if (this.#state !== 'started') return;
    this.#state = 'waiting';
    this.#tell({ kind: 'step-waiting', id: this.id });
  }

  progress(what: string, doneBytes: number, totalBytes: number): void {
    this.start();
    this.#tell({ kind: 'step-progress', id: this.id, what, doneBytes, totalBytes });
  }

  output(stream: 'stdout' | 'stderr', bytes: Uint8Array): void {
    this.#tell({ kind: 'step-output', id: this.id, stream, bytes });
  }

  /** Told with the end. */
  took(usage: StepUsage): void {
    this.#usage = usage;
  }

  end(state: EndState, reason?: string): void {
    this.start();
    const usage = this.#usage;
    const told = { id: this.id, state, ...(reason !== undefined && { reason }), ...(usage !== undefined && { usage }) };
    this.#tell({ kind: 'step-ended', ...told });
  }

  /** Failed, or cancelled when that is why. Work that had not begun is not mentioned when something else ended the build. */
  fail(error: unknown, signal: AbortSignal): void {
    if (!signal.aborted) this.end('failed', reasonOf(error));
    else if (this.isStarted) this.end('cancelled');
  }
}
