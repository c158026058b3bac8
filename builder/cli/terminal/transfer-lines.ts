import type { Writable } from 'node:stream';
import { printableLine } from '../../show/printable.ts';
import { bytes } from '../../show/units.ts';

/** How long a transfer goes on before there is another line of it. */
const usualPauseMs = 3000;

interface Transfer {
  shownMs: number;
  isDone: boolean;
}

/** Tells of transfers in lines: one when a thing is done, and one every few seconds while it takes long. */
export class TransferLines {
  readonly #output: Writable;
  readonly #pauseMs: number;
  readonly #transfers = new Map<string, Transfer>();

  constructor(output: Writable, { pauseMs = usualPauseMs }: { readonly pauseMs?: number } = {}) {
    this.#output = output;
    this.#pauseMs = pauseMs;
  }

  readonly onProgress = (what: string, doneBytes: number, totalBytes: number): void => {
    const nowMs = performance.now();
    const transfer = this.#transfers.get(what) ?? { shownMs: nowMs, isDone: false };
    this.#transfers.set(what, transfer);
    if (transfer.isDone) return;
    transfer.isDone = doneBytes >= totalBytes;
    if (!transfer.isDone && nowMs - transfer.shownMs < this.#pauseMs) return;
    transfer.shownMs = nowMs;
    this.#output.write(`${printableLine(what)}: ${amountOf(doneBytes, totalBytes)}\n`);
  };
}

/** How far a transfer is. */
export function amountOf(doneBytes: number, totalBytes: number): string {
  return doneBytes >= totalBytes ? bytes(totalBytes) : `${bytes(doneBytes)} of ${bytes(totalBytes)}`;
}
