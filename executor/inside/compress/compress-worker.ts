import { getPriority, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { type BlockCompression, blockCompressor } from './block-compressor.ts';

// Entry of a compressing thread: a block in, the compressed block out.

/** A tenth of what a command of RUN gets where both want a processor, and all of one that nobody wants. (sched(7)) */
const backgroundNice = 10;

const { compression, isInBackground }: { readonly compression: BlockCompression; readonly isInBackground: boolean } = workerData;
// On Linux this is the nice value of the calling thread alone. (setpriority(2), "C library/kernel differences")
if (isInBackground) setPriority(Math.min(19, getPriority() + backgroundNice));
const compress = await blockCompressor(compression);

parentPort?.on('message', (input: Uint8Array<ArrayBuffer>) => {
  const output = new Uint8Array(compress(input));
  parentPort?.postMessage(output, [output.buffer]);
});
