import { parentPort } from 'node:worker_threads';
import { ContentCheck, type ContentParts } from './content-check.ts';

// Entry of a thread that compares contents: pieces in, and for each of them what firstOther() says, or -1.

/** A piece, whose memory both threads have. */
export interface CheckedPiece {
  readonly memory: Readonly<Uint8Array>;
  readonly parts: ContentParts;
}

const check = new ContentCheck();

parentPort?.on('message', ({ memory, parts }: CheckedPiece) => {
  parentPort?.postMessage(check.firstOther(memory, parts) ?? -1, []);
});
