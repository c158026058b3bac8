import { openStore, type Store } from '../../../cache/store.ts';
import { UsageError } from '../../contract/errors.ts';
import { printableLine } from '../../show/printable.ts';
import type { Flag } from '../flags/flag.ts';
import { type ParsedFlags, parseFlags } from '../flags/parse-flags.ts';
import { helpFlag, storeFlags, storeOwnerOf, storeRootOf } from '../flags/shared-flags.ts';
import type { CommandContext } from '../terminal/command-context.ts';
import { helpText } from '../terminal/help.ts';

/** A command that works on the store. */
export interface StoreCommand {
  readonly name: string;
  /** How its operands are called in help: `IMAGE...`. */
  readonly operands: string;
  readonly leastOperands: number;
  readonly mostOperands: number;
  readonly summary: string;
  /** Besides --store and --help. */
  readonly flags?: readonly Flag[];
  /** It is about what is in the store: one that is not there is likely to be another than was meant. Default: false. */
  readonly reads?: boolean;
  /** What comes before the store is opened. */
  readonly prepare?: (parsed: ParsedFlags, context: CommandContext) => Promise<void>;
  readonly run: (parsed: ParsedFlags, opened: OpenedStore) => Promise<number>;
}

export interface OpenedStore {
  readonly store: Store;
  readonly context: CommandContext;
  /** The command as it was called, without flags: what people wait for. */
  readonly title: string;
}

/** Parses the command line of a command, opens the store, runs it. @throws UsageError */
export async function runStoreCommand(command: StoreCommand, context: CommandContext): Promise<number> {
  const flags = flagsOf(command);
  const parsed = parseFlags(context.argv, { flags });
  const usage = `tsbuild ${command.name} [FLAGS] ${command.operands}`.trimEnd();
  if (parsed.isOn('--help') === true) {
    context.stdout.write(helpText({ usage, summary: `${command.summary}.`, flags }));
    return 0;
  }
  const count = parsed.operands.length;
  if (count < command.leastOperands || count > command.mostOperands) {
    throw new UsageError(command.name, `Cannot run "tsbuild ${command.name}" with ${count} argument${count === 1 ? '' : 's'}`, {
      hint: `Usage: ${usage}`,
    });
  }
  await command.prepare?.(parsed, context);
  using store = await openStore(storeRootOf(parsed, context.environment), {
    isMade: false,
    signal: context.signal,
    owner: storeOwnerOf(parsed),
    onWait: () => context.stderr.write('Waiting for the store: it is being pruned\n'),
  });
  const isNamed = parsed.last('--store') !== undefined || (context.environment['TSBUILD_STORE'] ?? '') !== '';
  if (command.reads === true && isNamed && !store.isThere) {
    context.stderr.write(`note: There is no store at ${printableLine(store.root)}\n`);
  }
  const code = await command.run(parsed, { store, context, title: [command.name, ...parsed.operands].join(' ') });
  await store.flush();
  return code;
}

/** All flags of a command. Exported for tests. */
export function flagsOf({ flags = [] }: Pick<StoreCommand, 'flags'>): readonly Flag[] {
  return [...flags, ...storeFlags('Other'), helpFlag];
}
