import { parentPort } from 'node:worker_threads';
import { gzipMember } from './gzip-member.ts';

// Entry of a compressing thread: a member in, the compressed member out.

/** What a thread is asked. */
export interface CompressJob {
  readonly input: Uint8Array<ArrayBuffer>;
  readonly level: number;
}

parentPort?.on('message', ({ input, level }: CompressJob) => {
  const member = gzipMember(input, level);
  const output = new Uint8Array(member);
  parentPort?.postMessage(output, [output.buffer]);
});
