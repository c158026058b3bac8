import { findImage, readStoredImage, type StoredManifest } from '../../images/stored-images.ts';
import { bytes } from '../../progress/units.ts';
import type { CommandContext } from '../commands.ts';
import { formatFlags, listingText } from '../listing.ts';
import type { ParsedFlags } from '../parse-flags.ts';
import { type OpenedStore, runStoreCommand, type StoreCommand } from '../store-command.ts';

export const historyCommand: StoreCommand = {
  name: 'history',
  operands: 'IMAGE',
  leastOperands: 1,
  mostOperands: 1,
  summary: 'Shows how an image was made, newest first',
  flags: [...formatFlags, { long: '--no-trunc', group: 'Output', help: 'Instructions in full' }],
  run: showHistory,
};

/** `tsbuild history`. */
export async function runHistory(context: CommandContext): Promise<number> {
  return runStoreCommand(historyCommand, context);
}

interface Line {
  readonly created: string;
  readonly createdBy: string;
  readonly size: number;
  readonly comment: string;
}

async function showHistory(parsed: ParsedFlags, { store, context }: OpenedStore): Promise<number> {
  const { descriptor } = await findImage(store, parsed.operands[0] ?? '');
  const { manifests } = await readStoredImage(store, descriptor);
  const images = manifests.filter(({ config }) => config !== undefined);
  for (const image of images) {
    if (images.length > 1) context.stdout.write(`${image.config?.os}/${image.config?.architecture}\n`);
    const lines = linesOf(image);
    context.stdout.write(listingText({ items: lines, rows: () => rowsOf(lines, parsed.isOn('--no-trunc') === true) }, parsed));
  }
  return 0;
}

function linesOf({ config, manifest }: StoredManifest): readonly Line[] {
  const layers = [...manifest.layers];
  const lines = (config?.history ?? []).map((entry) => ({
    created: entry.created ?? '',
    createdBy: entry.created_by ?? '',
    size: entry.empty_layer === true ? 0 : (layers.shift()?.size ?? 0),
    comment: entry.comment ?? '',
  }));
  return lines.toReversed();
}

const widthOfInstruction = 80;

function rowsOf(lines: readonly Line[], isWhole: boolean): readonly (readonly string[])[] {
  const rows = lines.map(({ created, createdBy, size, comment }) => [
    created,
    isWhole || createdBy.length <= widthOfInstruction ? createdBy : `${createdBy.slice(0, widthOfInstruction - 3)}...`,
    bytes(size),
    comment,
  ]);
  return [['CREATED', 'CREATED BY', 'SIZE', 'COMMENT'], ...rows];
}
