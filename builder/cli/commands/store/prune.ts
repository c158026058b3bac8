import type { PrunePolicy } from '../../../../cache/prune.ts';
import { UsageError } from '../../../contract/errors.ts';
import { strangersIn } from '../../../session/start-worker.ts';
import { foreseePrune, type PruneReport, pruneStore } from '../../../shelf/prune-store.ts';
import { printableJson, printableLine } from '../../../show/printable.ts';
import { table } from '../../../show/table.ts';
import { bytes } from '../../../show/units.ts';
import { parseAge, parseUntil } from '../../flags/age.ts';
import { splitPair } from '../../flags/key-values.ts';
import type { ParsedFlags } from '../../flags/parse-flags.ts';
import { parseSize } from '../../flags/size.ts';
import { type OpenedStore, runStoreCommand, type StoreCommand } from '../../kinds/store-command.ts';
import type { CommandContext } from '../../terminal/command-context.ts';
import { waitFor } from '../../terminal/wait.ts';

const group = 'What goes';

export const pruneCommand: StoreCommand = {
  name: 'prune',
  operands: '',
  leastOperands: 0,
  mostOperands: 0,
  summary: 'Removes what builds no longer need; images that have a name stay',
  reads: true,
  flags: [
    { long: '--all', short: '-a', group, help: 'Everything but named images' },
    {
      long: '--keep-duration',
      aliases: ['--older-than'],
      value: 'DURATION',
      group,
      help: 'What no build used for longer than this, such as 12h or 30d (default: 30d)',
    },
    {
      long: '--filter',
      value: 'until=TIME',
      repeats: true,
      group,
      help: 'The same as docker writes it: until= and a duration, a date or seconds since 1970',
    },
    { long: '--keep-storage', value: 'SIZE', group, help: 'Then the oldest, until no more than this is left' },
    { long: '--keep-cache-mounts', group, help: 'Cache mounts stay' },
    { long: '--wait', group: 'What goes', help: 'Wait for builds that use the store, instead of refusing to prune' },
    { long: '--dry-run', group: 'Output', help: 'Only say what would go' },
    { long: '--json', group: 'Output', help: 'Print JSON' },
    { long: '--force', short: '-f', group: 'Other', help: 'Accepted for scripts: nothing is ever asked' },
  ],
  run: prune,
};

/** `tsbuild prune`. */
export async function runPrune(context: CommandContext): Promise<number> {
  return runStoreCommand(pruneCommand, context);
}

const defaultAge = '30d';

async function prune(parsed: ParsedFlags, { store, context, title }: OpenedStore): Promise<number> {
  const policy = policyOf(parsed);
  for (const message of strangersIn(store)) context.stderr.write(`note: ${printableLine(message)}\n`);
  const isDry = parsed.isOn('--dry-run') === true;
  const onWait = (): unknown => context.stderr.write('Waiting for the builds that use the store\n');
  const waiting = { waits: parsed.isOn('--wait') === true, signal: context.signal, onWait };
  const pruned = await waitFor({ title, context }, () =>
    isDry ? foreseePrune(store, policy) : pruneStore(store, policy, waiting),
  );
  for (const folder of pruned.left ?? []) {
    context.stderr.write(
      `note: ${printableLine(folder)} stays: it has files of user ids that are not yours now; as root: rm -r '${printableLine(folder)}'\n`,
    );
  }
  context.stdout.write(parsed.isOn('--json') === true ? `${printableJson(pruned, 2)}\n` : textOf(pruned, isDry));
  return 0;
}

function policyOf(parsed: ParsedFlags): PrunePolicy {
  const keep = parsed.last('--keep-storage');
  const age = ageOf(parsed) ?? (keep === undefined ? parseAge('--keep-duration', defaultAge) : undefined);
  return {
    all: parsed.isOn('--all') ?? false,
    keepsCacheMounts: parsed.isOn('--keep-cache-mounts') ?? false,
    ...(age !== undefined && { maximalAgeMs: age }),
    ...(keep !== undefined && { keepBytes: parseSize('--keep-storage', keep) }),
  };
}

function ageOf(parsed: ParsedFlags): number | undefined {
  const given = parsed.last('--keep-duration');
  const until = parsed.all('--filter').map((text) => {
    const [name, value] = splitPair(text);
    if (name === 'until' && value !== undefined) return parseUntil('--filter', value, Date.now());
    throw new UsageError('--filter', `Cannot filter by "${text}": expected until=TIME`);
  });
  const ages = [...(given === undefined ? [] : [parseAge(parsed.written('--keep-duration'), given)]), ...until];
  return ages.length === 0 ? undefined : Math.max(...ages);
}

function textOf({ byKind, count, freedBytes, keptBytes }: PruneReport, isDry: boolean): string {
  const rows = byKind.map((item) => [item.kind, String(item.count), bytes(item.bytes)]);
  const listed = count === 0 ? '' : `${table([['KIND', 'COUNT', 'SIZE'], ...rows])}\n`;
  const verb = isDry ? 'Would remove' : 'Removed';
  return `${listed}${verb} ${count} ${count === 1 ? 'item' : 'items'}, ${bytes(freedBytes)}; ${bytes(keptBytes)} ${isDry ? 'would be' : 'are'} left\n`;
}
