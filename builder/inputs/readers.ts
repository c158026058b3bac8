import type { RegistryClient } from '../../registry/distribution/client.ts';
import { UsageError } from '../contract/errors.ts';
import type { Settings } from '../settings/settings.ts';
import { containerfileText, largestContainerfileBytes } from './containerfile-text.ts';
import type { ContainerfileReaders } from './load-containerfile.ts';

/** How the Containerfile is read when it is not a local file. `client` is asked for when there is something to download. */
export function containerfileReaders(
  options: Settings,
  { client, signal }: { readonly client: () => Promise<RegistryClient>; readonly signal: AbortSignal },
): ContainerfileReaders {
  return {
    signal,
    stdin: async () => {
      if (options.stdin !== undefined) return containerfileText(options.stdin, { what: 'the Containerfile "-"', signal });
      throw new UsageError('--file', 'Cannot read a Containerfile from standard input: there is none');
    },
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
      return containerfileText(reply.bytes, { what: 'the Containerfile of the URL', signal });
    },
  };
}
