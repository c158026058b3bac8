import { UsageError } from '../../contract/errors.ts';
import { removeNames } from '../../shelf/remove-names.ts';
import { printableLine } from '../../show/printable.ts';
import type { ParsedFlags } from '../flags/parse-flags.ts';
import { type OpenedStore, runStoreCommand, type StoreCommand } from '../kinds/store-command.ts';
import type { CommandContext } from '../terminal/command-context.ts';
import { waitFor } from '../terminal/wait.ts';

/** What the command takes. Exported for tests. */
export const rmiCommand: StoreCommand = {
  name: 'rmi',
  operands: 'IMAGE...',
  leastOperands: 0,
  mostOperands: Number.POSITIVE_INFINITY,
  summary: 'Removes names of images; "tsbuild prune" then frees the space',
  reads: true,
  flags: [
    { long: '--all', short: '-a', group: 'Which', help: 'All names in the store' },
    { long: '--force', short: '-f', group: 'Which', help: 'All names of an image that is given by its id' },
  ],
  run: removeImages,
};

/** `tsbuild rmi`. */
export async function runRmi(context: CommandContext): Promise<number> {
  return runStoreCommand(rmiCommand, context);
}

async function removeImages(parsed: ParsedFlags, { store, context, title }: OpenedStore): Promise<number> {
  const isAll = parsed.isOn('--all') === true;
  const { operands } = parsed;
  if (isAll === operands.length > 0) {
    throw new UsageError('IMAGE', isAll ? 'Cannot remove all images and some of them' : 'Cannot remove images: none is named', {
      hint: 'Usage: tsbuild rmi IMAGE..., or tsbuild rmi --all',
    });
  }
  const texts = isAll ? (await store.images.list()).map(({ name }) => name) : operands;
  const isForced = parsed.isOn('--force') === true;
  const { removed, refused } = await waitFor({ title, context }, () => removeNames(store, texts, { isForced }));
  for (const name of removed) context.stdout.write(`Untagged: ${name}\n`);
  const last = refused.at(-1);
  if (last === undefined) return 0;
  for (const error of refused.slice(0, -1)) context.stderr.write(`error: ${printableLine(error.message)}\n`);
  // Told by who called this, like the only error of any other command.
  throw last;
}
