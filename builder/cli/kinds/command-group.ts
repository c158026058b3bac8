import { suggest } from '../../../parser/mistakes/suggest.ts';
import { UsageError } from '../../contract/errors.ts';
import { leadingStoreWords } from '../flags/leading-store.ts';
import type { CommandContext } from '../terminal/command-context.ts';
import { row } from '../terminal/help.ts';
import { runStoreCommand, type StoreCommand } from './store-command.ts';

/** Commands below one name, such as `tsbuild manifest create`. */
export interface CommandGroup {
  readonly name: string;
  /** What they are for, a sentence. */
  readonly purpose: string;
  readonly usage: string;
  /** Their names begin with the group's. */
  readonly commands: readonly StoreCommand[];
  /** Lines of its help. */
  readonly examples?: readonly string[];
}

/** Runs the command of the group that the first word names, or prints what there are. @throws UsageError */
export async function runGroup(group: CommandGroup, context: CommandContext): Promise<number> {
  const length = leadingStoreWords(context.argv);
  const [first, ...rest] = context.argv.slice(length);
  const argv = [...context.argv.slice(0, length), ...rest];
  if (first === undefined || first === '--help' || first === '-h') {
    context.stdout.write(overview(group));
    return 0;
  }
  const command = group.commands.find(({ name }) => name === `${group.name} ${first}`);
  if (command !== undefined) return runStoreCommand(command, { ...context, argv });
  const words = group.commands.map((known) => wordOf(known, group));
  const nearest = suggest(first, words);
  throw new UsageError(first, `Cannot run "tsbuild ${group.name} ${first}": there is no such command`, {
    hint: nearest === undefined ? `There are ${words.join(', ')}` : `Did you mean "${nearest}"?`,
  });
}

function overview(group: CommandGroup): string {
  const { name, purpose, usage, commands, examples = [] } = group;
  const lines = [
    `Usage: tsbuild ${name} ${usage}`,
    '',
    purpose,
    '',
    'Commands:',
    ...commands.flatMap((command) => row(`  ${wordOf(command, group)}`, command.summary)),
    ...(examples.length === 0 ? [] : ['', 'Examples:', ...examples]),
  ];
  return `${lines.join('\n')}\n`;
}

function wordOf(command: StoreCommand, group: CommandGroup): string {
  return command.name.slice(group.name.length + 1);
}
