import type { CommandContext } from '../commands.ts';
import { runStoreCommand, type StoreCommand } from '../store-command.ts';
import { findImage } from '../stored-image.ts';

export const rmiCommand: StoreCommand = {
  name: 'rmi',
  operands: 'IMAGE...',
  leastOperands: 1,
  mostOperands: Number.POSITIVE_INFINITY,
  summary: 'Removes names of images; "tsbuild prune" then frees the space',
  run: async ({ operands }, { store, context }) => {
    // All are looked up before the first one goes.
    const found = await Promise.all(operands.map((text) => findImage(store, text)));
    for (const { name } of found) {
      await store.images.remove(name);
      context.stdout.write(`Untagged: ${name}\n`);
    }
    return 0;
  },
};

/** `tsbuild rmi`. */
export async function runRmi(context: CommandContext): Promise<number> {
  return runStoreCommand(rmiCommand, context);
}
