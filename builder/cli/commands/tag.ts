import { findImage, storedName } from '../../places/stored-images.ts';
import { runStoreCommand, type StoreCommand } from '../kinds/store-command.ts';
import type { CommandContext } from '../terminal/command-context.ts';

/** What the command takes. Exported for tests. */
export const tagCommand: StoreCommand = {
  name: 'tag',
  operands: 'IMAGE NAME...',
  leastOperands: 2,
  mostOperands: Number.POSITIVE_INFINITY,
  summary: 'Gives an image more names',
  reads: true,
  run: async ({ operands: [image = '', ...names] }, { store }) => {
    const full = names.map(storedName);
    const { descriptor } = await findImage(store, image);
    for (const name of full) await store.images.tag(name, descriptor);
    return 0;
  },
};

/** `tsbuild tag`. */
export async function runTag(context: CommandContext): Promise<number> {
  return runStoreCommand(tagCommand, context);
}
