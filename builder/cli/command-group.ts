import { suggest } from '../../parser/suggest.ts';
import { UsageError } from '../errors.ts';
import type { CommandContext } from './commands.ts';
import { row } from './help.ts';
import { runStoreCommand, type StoreCommand } from './store-command.ts';

/** A word behind the name of its group. */
export interface GroupedCommand {
  readonly word: string;
  readonly summary: string;
  readonly run: (context: CommandContext) => Promise<number>;
}

/** Commands below one name, such as `tsbuild manifest create`. */
export interface CommandGroup {
  readonly name: string;
  /** What they are for, a sentence. */
  readonly purpose: string;
  readonly usage: string;
  readonly commands: readonly GroupedCommand[];
  /** Lines of its help. */
  readonly examples?: readonly string[];
}

/** A command on the store as one of a group. */
export function grouped(word: string, command: StoreCommand): GroupedCommand {
  return { word, summary: command.summary, run: (context) => runStoreCommand(command, context) };
}

/** Runs the command of the group that the first word names, or prints what there are. @throws UsageError */
export async function runGroup(group: CommandGroup, context: CommandContext): Promise<number> {
  const [first, ...argv] = context.argv;
  if (first === undefined || first === '--help' || first === '-h') {
    context.stdout.write(overview(group));
    return 0;
  }
  const command = group.commands.find(({ word }) => word === first);
  if (command !== undefined) return command.run({ ...context, argv });
  const words = group.commands.map(({ word }) => word);
  const nearest = suggest(first, words);
  throw new UsageError(first, `Cannot run "tsbuild ${group.name} ${first}": there is no such command`, {
    hint: nearest === undefined ? `There are ${words.join(', ')}` : `Did you mean "${nearest}"?`,
  });
}

function overview({ name, purpose, usage, commands, examples = [] }: CommandGroup): string {
  const lines = [
    `Usage: tsbuild ${name} ${usage}`,
    '',
    purpose,
    '',
    'Commands:',
    ...commands.flatMap(({ word, summary }) => row(`  ${word}`, summary)),
    ...(examples.length === 0 ? [] : ['', 'Examples:', ...examples]),
  ];
  return `${lines.join('\n')}\n`;
}
