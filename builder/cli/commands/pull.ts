import { pullImage } from '../../shelf/pull-image.ts';
import type { ParsedFlags } from '../flags/parse-flags.ts';
import { registryFlags } from '../flags/shared-flags.ts';
import { inSession, platformFlags, platformsWanted, quietFlag, registrySettings } from '../kinds/in-session.ts';
import { type OpenedStore, runStoreCommand, type StoreCommand } from '../kinds/store-command.ts';
import type { CommandContext } from '../terminal/command-context.ts';

/** What the command takes. Exported for tests. */
export const pullCommand: StoreCommand = {
  name: 'pull',
  operands: 'NAME...',
  leastOperands: 1,
  mostOperands: Number.POSITIVE_INFINITY,
  summary: 'Fetches images from registries into the store, and prints their ids',
  flags: [...platformFlags('Which'), ...registryFlags('Registries'), quietFlag],
  run: pullImages,
};

/** `tsbuild pull`. */
export async function runPull(context: CommandContext): Promise<number> {
  return runStoreCommand(pullCommand, context);
}

async function pullImages(parsed: ParsedFlags, opened: OpenedStore): Promise<number> {
  const platforms = platformsWanted(parsed, opened);
  const settings = { platforms, registry: registrySettings(parsed) } as const;
  await inSession(opened, parsed, async (session) => {
    for (const text of parsed.operands) {
      const { imageId } = await pullImage(text.replace(/^docker:\/\//, ''), settings, session);
      opened.context.stdout.write(`${imageId}\n`);
    }
  });
  return 0;
}
