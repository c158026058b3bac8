import { suggest } from '../../../parser/suggest.ts';
import { UsageError } from '../../errors.ts';
import type { CommandContext } from '../commands.ts';
import { row } from '../help.ts';
import { runStoreCommand, type StoreCommand } from '../store-command.ts';
import { manifestAdd, manifestAnnotate, manifestCreate, manifestRemove } from './manifest-changes.ts';
import { manifestInspect, manifestPush, manifestRm } from './manifest-lists.ts';

/** The commands below `tsbuild manifest`. */
export const manifestCommands: readonly StoreCommand[] = [
  manifestCreate,
  manifestAdd,
  manifestAnnotate,
  manifestRemove,
  manifestInspect,
  manifestPush,
  manifestRm,
];

/** `tsbuild manifest`. */
export async function runManifest(context: CommandContext): Promise<number> {
  const [first, ...argv] = context.argv;
  if (first === undefined || first === '--help' || first === '-h') {
    context.stdout.write(overview());
    return 0;
  }
  const command = manifestCommands.find(({ name }) => name === `manifest ${first}`);
  if (command !== undefined) return runStoreCommand(command, { ...context, argv });
  const names = manifestCommands.map(({ name }) => name.replace('manifest ', ''));
  const nearest = suggest(first, names);
  throw new UsageError(first, `Cannot run "tsbuild manifest ${first}": there is no such command`, {
    hint: nearest === undefined ? `There are ${names.join(', ')}` : `Did you mean "${nearest}"?`,
  });
}

function overview(): string {
  const lines = [
    'Usage: tsbuild manifest COMMAND [FLAGS] ...',
    '',
    'Joins images of several platforms into a list, which has one name for all of them.',
    '',
    'Commands:',
    ...manifestCommands.flatMap(({ name, summary }) => row(`  ${name.replace('manifest ', '')}`, summary)),
    '',
    'Examples:',
    '  # One name for two images that were built on two machines',
    '  tsbuild manifest create app:1 docker://host/app:1-amd64 docker://host/app:1-arm64',
    '  tsbuild manifest push app:1 host/app:1',
  ];
  return `${lines.join('\n')}\n`;
}
