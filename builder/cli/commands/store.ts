import { type CommandGroup, grouped, runGroup } from '../command-group.ts';
import type { CommandContext } from '../commands.ts';
import { duCommand } from './du.ts';
import { pruneCommand } from './prune.ts';
import { runStoreVerify, storeVerify } from './store-verify.ts';

const group: CommandGroup = {
  name: 'store',
  usage: 'COMMAND [FLAGS]',
  purpose: 'Looks after the folder in which images and the results of steps are kept.',
  commands: [
    { word: 'verify', summary: storeVerify.summary, run: runStoreVerify },
    grouped('du', { ...duCommand, name: 'store du' }),
    grouped('prune', { ...pruneCommand, name: 'store prune' }),
  ],
};

/** `tsbuild store`. */
export function runStore(context: CommandContext): Promise<number> {
  return runGroup(group, context);
}
