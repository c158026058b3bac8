import { once } from 'node:events';
import { Socket } from 'node:net';
import { close } from '../../../../native/files.ts';
import { socketpair } from '../../../../native/processes.ts';
import type { TapeEntry } from '../../../../native/tape/tape.ts';

/** What is done while a new process waits. */
export type Stage = () => Promise<void>;

/**
 * Places on a tape at which its process waits until something has been done for it. It says through one end of a pair of sockets that it has come
 * there, and reads from it before it goes on; when our end is closed there is nothing to read, and the tape ends as failed.
 */
export class Pauses implements Disposable {
  readonly #ourFd: number;
  readonly #itsFd: number;
  readonly #ours: Socket;
  #hasItsEnd = true;

  constructor() {
    [this.#ourFd, this.#itsFd] = socketpair();
    this.#ours = new Socket({ fd: this.#ourFd, readable: true, writable: true });
    // A process that is gone shows by the end of what it says.
    this.#ours.on('error', () => this.#ours.destroy());
  }

  /** The entries of the first place, and those of a later one. */
  get first(): readonly TapeEntry[] {
    // The new process has our end too, and would keep it open for itself.
    return [{ syscall: 'close', args: [this.#ourFd], what: 'pause' }, ...this.later];
  }

  get later(): readonly TapeEntry[] {
    return [
      { syscall: 'write', args: [this.#itsFd, Uint8Array.of(1), 1], what: 'pause', atLeast: 1 },
      { syscall: 'read', args: [this.#itsFd, new Uint8Array(8), 1], what: 'pause', atLeast: 1 },
    ];
  }

  /** To be called when the process has been cloned: only its own copy of its end may be open. */
  closeItsEnd(): void {
    if (!this.#hasItsEnd) return;
    this.#hasItsEnd = false;
    close(this.#itsFd);
  }

  /** Does one stage at each place, in order. When one fails the process goes no further, and the error is thrown. */
  async conduct(stages: readonly Stage[]): Promise<void> {
    try {
      for (const stage of stages) {
        if (!(await this.#arrival())) return;
        await stage();
        this.#ours.write(Uint8Array.of(1));
      }
    } catch (error) {
      this.#ours.destroy();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.closeItsEnd();
    this.#ours.destroy();
  }

  /** False when the process has ended before. */
  async #arrival(): Promise<boolean> {
    if (this.#ours.destroyed) return false;
    const stop = new AbortController();
    try {
      const ended = once(this.#ours, 'close', { signal: stop.signal }).then(() => false);
      const arrived = once(this.#ours, 'data', { signal: stop.signal }).then(() => true);
      const outcome = await Promise.race([arrived, ended]);
      for (const late of [arrived, ended]) late.catch(() => undefined);
      return outcome;
    } finally {
      stop.abort();
    }
  }
}
