import type { RegistryClient } from '../../registry/client.ts';
import { UsageError } from '../errors.ts';
import type { BuildOptions } from '../options.ts';
import type { ContainerfileReaders } from './load-containerfile.ts';

/** A Containerfile is text that people write: what is longer is something else. */
const largestContainerfileBytes = 16 * 1024 * 1024;

/** How the Containerfile is read when it is not a local file. `client` is asked for when there is something to download. */
export function containerfileReaders(
  options: BuildOptions,
  { client, signal }: { readonly client: () => Promise<RegistryClient>; readonly signal: AbortSignal },
): ContainerfileReaders {
  return {
    stdin: () => readStandardInput(options.stdin),
    url: async (url) => {
      const [{ download }, { authorization }] = await Promise.all([
        import('../../registry/download.ts'),
        import('./download-file.ts'),
      ]);
      const headers = await authorization(url, options);
      const reply = await download(url, {
        client: await client(),
        headers,
        maximum: { bytes: largestContainerfileBytes, reason: '' },
        signal,
      });
      if (reply.kind === 'not-modified') throw new Error('nothing was said to be known');
      return textOf(reply.bytes, 'of the URL');
    },
  };
}

async function readStandardInput(stdin: AsyncIterable<Uint8Array> | undefined): Promise<string> {
  if (stdin === undefined) throw new UsageError('--file', 'Cannot read a Containerfile from standard input: there is none');
  return textOf(stdin, '"-"');
}

async function textOf(source: AsyncIterable<Uint8Array>, name: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.length;
    if (bytes > largestContainerfileBytes) {
      throw new UsageError('--file', `Cannot read the Containerfile ${name}: it is larger than 16 MiB`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
