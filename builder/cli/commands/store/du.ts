import { usageOf } from '../../../../cache/prune.ts';
import { byText } from '../../../../registry/oci/text/sort-order.ts';
import { printableJson } from '../../../show/printable.ts';
import { table } from '../../../show/table.ts';
import { bytes } from '../../../show/units.ts';
import { runStoreCommand, type StoreCommand } from '../../kinds/store-command.ts';
import type { CommandContext } from '../../terminal/command-context.ts';
import { waitFor } from '../../terminal/wait.ts';

export const duCommand: StoreCommand = {
  name: 'du',
  operands: '',
  leastOperands: 0,
  mostOperands: 0,
  summary: 'Shows what takes space in the store',
  reads: true,
  flags: [{ long: '--json', group: 'Output', help: 'Print JSON' }],
  run: async (parsed, { store, context, title }) => {
    const usage = await waitFor({ title, context }, () => usageOf(store));
    if (parsed.isOn('--json') === true) {
      context.stdout.write(`${printableJson(usage, 2)}\n`);
      return 0;
    }
    const rows = Object.entries(usage.byKind).map(([kind, item]) => [kind, String(item?.count ?? 0), bytes(item?.bytes ?? 0)]);
    context.stdout.write(table([['KIND', 'COUNT', 'SIZE'], ...rows.toSorted(([a = ''], [b = '']) => byText(a, b))]));
    context.stdout.write(`\nin all ${bytes(usage.totalBytes)}, of which ${bytes(usage.reclaimableBytes)} can be pruned\n`);
    return 0;
  },
};

/** `tsbuild du`. */
export async function runDu(context: CommandContext): Promise<number> {
  return runStoreCommand(duCommand, context);
}
