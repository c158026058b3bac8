import { text } from 'node:stream/consumers';
import { UsageError } from '../errors.ts';
import type { BuildOptions } from '../options.ts';
import { type LoadedContainerfile, loadContainerfile } from '../source/load-containerfile.ts';
import type { CommandContext } from './commands.ts';

/** The Containerfile for commands that read it and build nothing. @throws UsageError */
export async function readSources(options: BuildOptions, { stdin }: CommandContext): Promise<LoadedContainerfile> {
  return loadContainerfile(options, options.context === '-' ? undefined : options.context, {
    stdin: () => text(stdin),
    url: async (url) => {
      throw new UsageError('--file', `Cannot read "${url}": this command reads local files only`);
    },
  });
}
