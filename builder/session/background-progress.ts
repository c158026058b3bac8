import type { ShownStep } from './shown-step.ts';

/** How long something may take before people are told of it. */
const momentMs = 1000;

/** Something that goes on. */
interface Underway {
  doneBytes: number;
  totalBytes: number;
  isTold: boolean;
  readonly timer: NodeJS.Timeout;
}

/**
 * Tells of work that goes on beside the steps: while nobody waits for it, only of what takes longer than a moment, and between that it shows as
 * waiting. Once it is brought forward all is told.
 */
export class BackgroundProgress implements Disposable {
  readonly #shown: () => ShownStep;
  readonly #underway = new Map<string, Underway>();
  #isInBackground = true;

  constructor(shown: () => ShownStep) {
    this.#shown = shown;
  }

  /** How far something is; it has ended when `doneBytes` are `totalBytes`. */
  progress(what: string, doneBytes: number, totalBytes: number): void {
    if (!this.#isInBackground) {
      this.#shown().progress(what, doneBytes, totalBytes);
      return;
    }
    const isComplete = totalBytes > 0 && doneBytes >= totalBytes;
    const known = this.#underway.get(what);
    if (known !== undefined) Object.assign(known, { doneBytes, totalBytes });
    else if (!isComplete) this.#underway.set(what, this.#newcomer(what, doneBytes, totalBytes));
    if (known?.isTold === true) this.#shown().progress(what, doneBytes, totalBytes);
    if (isComplete) this.#end(what);
  }

  /** From now on people wait for it. */
  bringForward(): void {
    if (!this.#isInBackground) return;
    this.#isInBackground = false;
    const shown = this.#shown();
    shown.start();
    for (const [what, { doneBytes, totalBytes, isTold }] of this.#underway) {
      if (!isTold) shown.progress(what, doneBytes, totalBytes);
    }
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    for (const { timer } of this.#underway.values()) clearTimeout(timer);
    this.#underway.clear();
  }

  #newcomer(what: string, doneBytes: number, totalBytes: number): Underway {
    const timer = setTimeout(() => this.#tell(what), momentMs);
    timer.unref();
    return { doneBytes, totalBytes, isTold: false, timer };
  }

  #tell(what: string): void {
    const underway = this.#underway.get(what);
    if (underway === undefined) return;
    underway.isTold = true;
    this.#shown().progress(what, underway.doneBytes, underway.totalBytes);
  }

  #end(what: string): void {
    clearTimeout(this.#underway.get(what)?.timer);
    this.#underway.delete(what);
    const isAnyTold = Array.from(this.#underway.values()).some(({ isTold }) => isTold);
    if (!isAnyTold) this.#shown().wait();
  }
}
