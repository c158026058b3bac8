import type { Writable } from 'node:stream';
import { printableLine } from '../../show/printable.ts';
import { bytes } from '../../show/units.ts';

const pauseMs = 3000;

interface Transfer {
  shownMs: number;
  isDone: boolean;
}

/** Tells of transfers in lines: one when a thing is done, and one every few seconds while it takes long. */
export class TransferLines {
  readonly #output: Writable;
  readonly #transfers = new Map<string, Transfer>();

  constructor(output: Writable) {
    this.#output = output;
  }

  readonly onProgress = (what: string, doneBytes: number, totalBytes: number): void => {
    const nowMs = performance.now();
    const transfer = this.#transfers.get(what) ?? { shownMs: nowMs, isDone: false };
    this.#transfers.set(what, transfer);
    if (transfer.isDone) return;
    transfer.isDone = doneBytes >= totalBytes;
    if (!transfer.isDone && nowMs - transfer.shownMs < pauseMs) return;
    transfer.shownMs = nowMs;
    const amount = transfer.isDone ? bytes(totalBytes) : `${bytes(doneBytes)} of ${bytes(totalBytes)}`;
    this.#output.write(`${printableLine(what)}: ${amount}\n`);
  };
}
