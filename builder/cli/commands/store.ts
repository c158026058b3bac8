import { suggest } from '../../../parser/suggest.ts';
import { UsageError } from '../../errors.ts';
import type { CommandContext } from '../commands.ts';
import { row } from '../help.ts';
import { runStoreCommand, type StoreCommand } from '../store-command.ts';
import { duCommand } from './du.ts';
import { pruneCommand } from './prune.ts';
import { runStoreVerify, storeVerify } from './store-verify.ts';

interface Subcommand {
  readonly word: string;
  readonly summary: string;
  readonly run: (context: CommandContext) => Promise<number>;
}

/** The commands below `tsbuild store`. */
const subcommands: readonly Subcommand[] = [
  { word: 'verify', summary: storeVerify.summary, run: runStoreVerify },
  below('du', duCommand),
  below('prune', pruneCommand),
];

function below(word: string, command: StoreCommand): Subcommand {
  return { word, summary: command.summary, run: (context) => runStoreCommand({ ...command, name: `store ${word}` }, context) };
}

/** `tsbuild store`. */
export async function runStore(context: CommandContext): Promise<number> {
  const [first, ...argv] = context.argv;
  if (first === undefined || first === '--help' || first === '-h') {
    context.stdout.write(overview());
    return 0;
  }
  const command = subcommands.find(({ word }) => word === first);
  if (command !== undefined) return command.run({ ...context, argv });
  const words = subcommands.map(({ word }) => word);
  const nearest = suggest(first, words);
  throw new UsageError(first, `Cannot run "tsbuild store ${first}": there is no such command`, {
    hint: nearest === undefined ? `There are ${words.join(', ')}` : `Did you mean "${nearest}"?`,
  });
}

function overview(): string {
  const lines = [
    'Usage: tsbuild store COMMAND [FLAGS]',
    '',
    'Looks after the folder in which images and the results of steps are kept.',
    '',
    'Commands:',
    ...subcommands.flatMap(({ word, summary }) => row(`  ${word}`, summary)),
  ];
  return `${lines.join('\n')}\n`;
}
