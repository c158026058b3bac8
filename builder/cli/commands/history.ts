import { bytes } from '../../progress/units.ts';
import type { CommandContext } from '../commands.ts';
import type { ParsedFlags } from '../parse-flags.ts';
import { type OpenedStore, runStoreCommand, type StoreCommand } from '../store-command.ts';
import { findImage, readManifests, type StoredManifest } from '../stored-image.ts';
import { table } from '../table.ts';

export const historyCommand: StoreCommand = {
  name: 'history',
  operands: 'IMAGE',
  leastOperands: 1,
  mostOperands: 1,
  summary: 'Shows how an image was made, newest first',
  run: showHistory,
};

/** `tsbuild history`. */
export async function runHistory(context: CommandContext): Promise<number> {
  return runStoreCommand(historyCommand, context);
}

async function showHistory({ operands: [text = ''] }: ParsedFlags, { store, context }: OpenedStore): Promise<number> {
  const { descriptor } = await findImage(store, text);
  const manifests = await readManifests(store, descriptor);
  const several = manifests.length > 1;
  for (const manifest of manifests) {
    if (several) context.stdout.write(`${manifest.config.os}/${manifest.config.architecture}\n`);
    context.stdout.write(table([['CREATED', 'SIZE', 'CREATED BY'], ...rowsOf(manifest)]));
  }
  return 0;
}

function rowsOf({ config, manifest }: StoredManifest): readonly (readonly string[])[] {
  const layers = [...manifest.layers];
  const rows = (config.history ?? []).map((entry) => {
    const size = entry.empty_layer === true ? 0 : (layers.shift()?.size ?? 0);
    return [entry.created ?? '', bytes(size), entry.created_by ?? ''];
  });
  return rows.toReversed();
}
