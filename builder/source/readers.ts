import { UsageError } from '../errors.ts';
import type { BuildOptions } from '../options.ts';
import type { ContainerfileReaders } from './load-containerfile.ts';

/** A Containerfile is text that people write: what is longer is something else. */
const largestContainerfileBytes = 16 * 1024 * 1024;

/** How the Containerfile is read when it is not a local file. */
export function containerfileReaders(options: BuildOptions): ContainerfileReaders {
  return {
    stdin: () => readText(options.stdin),
    url: async (url) => {
      throw new UsageError('--file', `Cannot read Containerfile "${new URL(url).host}": URLs are not supported yet`, {
        hint: 'Download it first',
      });
    },
  };
}

async function readText(stdin: AsyncIterable<Uint8Array> | undefined): Promise<string> {
  if (stdin === undefined) throw new UsageError('--file', 'Cannot read a Containerfile from standard input: there is none');
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stdin) {
    bytes += chunk.length;
    if (bytes > largestContainerfileBytes)
      throw new UsageError('--file', 'Cannot read Containerfile "-": it is larger than 16 MiB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
