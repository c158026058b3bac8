import { formatShortPlatform } from '../../../registry/oci/platform.ts';
import { ofImage } from '../../places/lost-content.ts';
import { findImage, readStoredImage, type StoredManifest } from '../../places/stored-images.ts';
import { bytes } from '../../show/units.ts';
import type { ParsedFlags } from '../flags/parse-flags.ts';
import { type OpenedStore, runStoreCommand, type StoreCommand } from '../kinds/store-command.ts';
import type { CommandContext } from '../terminal/command-context.ts';
import { formatFlagsLike, listingText } from '../terminal/listing.ts';

/** What the command takes. Exported for tests. */
export const historyCommand: StoreCommand = {
  name: 'history',
  operands: 'IMAGE',
  leastOperands: 1,
  mostOperands: 1,
  summary: 'Shows how an image was made, newest first',
  reads: true,
  flags: [...formatFlagsLike('{{.createdBy}} {{.size}}'), { long: '--no-trunc', group: 'Output', help: 'Instructions in full' }],
  run: showHistory,
};

/** `tsbuild history`. */
export async function runHistory(context: CommandContext): Promise<number> {
  return runStoreCommand(historyCommand, context);
}

interface Line {
  readonly platform: string;
  readonly created: string;
  readonly createdBy: string;
  readonly size: number;
  readonly comment: string;
}

async function showHistory(parsed: ParsedFlags, { store, context }: OpenedStore): Promise<number> {
  const { name, descriptor } = await findImage(store, parsed.operands[0] ?? '');
  const { manifests } = await ofImage(name, store, () => readStoredImage(store, descriptor));
  const items = manifests.flatMap(linesOf);
  context.stdout.write(listingText({ items, rows: () => rowsOf(items, parsed.isOn('--no-trunc') === true) }, parsed));
  return 0;
}

function linesOf({ config, manifest }: StoredManifest): readonly Line[] {
  if (config === undefined) return [];
  const layers = [...manifest.layers];
  const lines = (config.history ?? []).map((entry) => ({
    platform: formatShortPlatform(config),
    created: entry.created ?? '',
    createdBy: entry.created_by ?? '',
    size: entry.empty_layer === true ? 0 : (layers.shift()?.size ?? 0),
    comment: entry.comment ?? '',
  }));
  return lines.toReversed();
}

const widthOfInstruction = 80;

function rowsOf(lines: readonly Line[], isWhole: boolean): readonly (readonly string[])[] {
  const hasPlatforms = new Set(lines.map(({ platform }) => platform)).size > 1;
  const rows = lines.map(({ platform, created, createdBy, size, comment }) => [
    ...(hasPlatforms ? [platform] : []),
    created,
    isWhole || createdBy.length <= widthOfInstruction ? createdBy : `${createdBy.slice(0, widthOfInstruction - 3)}...`,
    bytes(size),
    comment,
  ]);
  return [[...(hasPlatforms ? ['PLATFORM'] : []), 'CREATED', 'CREATED BY', 'SIZE', 'COMMENT'], ...rows];
}
