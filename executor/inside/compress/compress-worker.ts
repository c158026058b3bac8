import { parentPort, workerData } from 'node:worker_threads';
import { type BlockCompression, blockCompressor } from './block-compressor.ts';

// Entry of a compressing thread: a block in, the compressed block out.

const compression: BlockCompression = workerData;
const compress = await blockCompressor(compression);

parentPort?.on('message', (input: Uint8Array<ArrayBuffer>) => {
  const output = new Uint8Array(compress(input));
  parentPort?.postMessage(output, [output.buffer]);
});
