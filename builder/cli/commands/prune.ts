import { prune } from '../../../cache/prune.ts';
import { UsageError } from '../../errors.ts';
import { bytes } from '../../progress/units.ts';
import type { CommandContext } from '../commands.ts';
import type { ParsedFlags } from '../parse-flags.ts';
import { removeTrees } from '../remove-trees.ts';
import { parseSize } from '../size.ts';
import { type OpenedStore, runStoreCommand, type StoreCommand } from '../store-command.ts';

const group = 'What goes';

export const pruneCommand: StoreCommand = {
  name: 'prune',
  operands: '',
  leastOperands: 0,
  mostOperands: 0,
  summary: 'Removes what builds no longer need; images that have a name stay',
  flags: [
    { long: '--all', short: '-a', group, help: 'Everything but named images' },
    {
      long: '--older-than',
      value: 'DURATION',
      group,
      help: 'What no build used for longer than this, such as 12h or 30d (default: 30d)',
    },
    { long: '--keep-storage', value: 'SIZE', group, help: 'Then the oldest, until no more than this is left' },
    { long: '--keep-cache-mounts', group, help: 'Cache mounts stay' },
  ],
  run: pruneStore,
};

/** `tsbuild prune`. */
export async function runPrune(context: CommandContext): Promise<number> {
  return runStoreCommand(pruneCommand, context);
}

const defaultAge = '30d';

async function pruneStore(parsed: ParsedFlags, { store, context }: OpenedStore): Promise<number> {
  const keep = parsed.last('--keep-storage');
  const age = parsed.last('--older-than') ?? (keep === undefined ? defaultAge : undefined);
  const result = await prune(store, {
    all: parsed.isOn('--all') ?? false,
    keepsCacheMounts: parsed.isOn('--keep-cache-mounts') ?? false,
    ...(age !== undefined && { maximalAgeMs: parseAge(age) }),
    ...(keep !== undefined && { keepBytes: parseSize('--keep-storage', keep) }),
  });
  await removeTrees(result.paths, { storeRoot: store.root, signal: context.signal });
  context.stdout.write(
    `Removed ${result.removed.length} items, ${bytes(result.freedBytes)}; ${bytes(result.keptBytes)} are left\n`,
  );
  return 0;
}

const unitsMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 };

function parseAge(text: string): number {
  const match = /^(\d{1,6})([smhdw])$/.exec(text);
  const unit = unitsMs[match?.[2] ?? ''];
  if (match === null || unit === undefined) {
    throw new UsageError('--older-than', `Cannot use --older-than ${text}: expected a number and s, m, h, d or w, such as 30d`);
  }
  return Number(match[1]) * unit;
}
