import type { CommandContext } from '../commands.ts';
import type { ParsedFlags } from '../parse-flags.ts';
import { type OpenedStore, runStoreCommand, type StoreCommand } from '../store-command.ts';
import { findImage, readManifests } from '../stored-image.ts';

export const inspectCommand: StoreCommand = {
  name: 'inspect',
  operands: 'IMAGE...',
  leastOperands: 1,
  mostOperands: Number.POSITIVE_INFINITY,
  summary: 'Shows the manifest and configuration of images, as JSON',
  run: inspectImages,
};

/** `tsbuild inspect`. */
export async function runInspect(context: CommandContext): Promise<number> {
  return runStoreCommand(inspectCommand, context);
}

async function inspectImages({ operands }: ParsedFlags, { store, context }: OpenedStore): Promise<number> {
  const shown: object[] = [];
  for (const text of operands) {
    const { name, descriptor } = await findImage(store, text);
    const manifests = await readManifests(store, descriptor);
    shown.push({
      name,
      descriptor,
      images: manifests.map(({ descriptor: own, manifest, config }) => ({ digest: own.digest, manifest, config })),
    });
  }
  context.stdout.write(`${JSON.stringify(shown, undefined, 2)}\n`);
  return 0;
}
