import { restoreModes } from '../../../../cache/folder/store-modes.ts';
import { repairVersion } from '../../../../cache/folder/store-version.ts';
import { exitCode } from '../../../report/exit-code.ts';
import { type StoreReport, verifyStore } from '../../../shelf/verify-store.ts';
import { printable, printableJson } from '../../../show/printable.ts';
import type { ParsedFlags } from '../../flags/parse-flags.ts';
import { storeOwnerOf, storeRootOf } from '../../flags/shared-flags.ts';
import { inSession, quietFlag } from '../../kinds/in-session.ts';
import type { OpenedStore, StoreCommand } from '../../kinds/store-command.ts';
import type { CommandContext } from '../../terminal/command-context.ts';

export const storeVerify: StoreCommand = {
  name: 'store verify',
  operands: '',
  leastOperands: 0,
  mostOperands: 0,
  summary: 'Compares everything in the store with what was written',
  reads: true,
  flags: [
    { long: '--repair', group: 'What is done', help: 'Remove what is damaged, so that it is made or fetched again' },
    { long: '--quick', group: 'What is done', help: 'Look at sizes, records and manifests, and read no layers' },
    { long: '--json', group: 'Output', help: 'Print JSON' },
    quietFlag,
  ],
  prepare: openAgain,
  run: verify,
};

/** Without its version, or folders that can be read, a store cannot be opened. */
async function openAgain(parsed: ParsedFlags, { environment, stderr }: CommandContext): Promise<void> {
  if (parsed.isOn('--repair') !== true) return;
  const root = storeRootOf(parsed, environment);
  const owner = storeOwnerOf(parsed) ?? 'self';
  const count = await restoreModes(root, owner);
  if (count > 0) {
    stderr.write(
      `note: ${count} ${count === 1 ? 'file or folder' : 'files and folders'} of the store could not be read or written; that is mended\n`,
    );
  }
  if (await repairVersion(root, owner)) stderr.write('note: The version of the store was damaged, and is written again\n');
}

async function verify(parsed: ParsedFlags, opened: OpenedStore): Promise<number> {
  const { stdout } = opened.context;
  const wanted = { isQuick: parsed.isOn('--quick') === true, repairs: parsed.isOn('--repair') === true };
  const report = await inSession(opened, parsed, (session) => verifyStore(wanted, session));
  stdout.write(parsed.isOn('--json') === true ? `${printableJson(report, 2)}\n` : textOf(report));
  const isWhole = report.damaged.length === 0 && report.incompleteImages.length === 0;
  return isWhole || report.isRepaired ? exitCode.success : exitCode.store;
}

function textOf({ verified, damaged, isRepaired, incompleteImages }: StoreReport): string {
  const lines = [
    ...damaged.map(({ what, path }) => `${isRepaired ? 'removed' : 'damaged'}: ${what} (${path})`),
    ...incompleteImages.map(({ name, why }) => `incomplete: image "${name}": ${why}; build, load or pull it again`),
    `${verified.blobs} blobs, ${verified.snapshots} snapshots, ${verified.records} records: ${summary(damaged.length, isRepaired)}`,
  ];
  return `${printable(lines.join('\n'))}\n`;
}

function summary(count: number, isRepaired: boolean): string {
  if (count === 0) return 'no damage';
  return isRepaired ? `${count} damaged, removed` : `${count} damaged; remove them with --repair`;
}
