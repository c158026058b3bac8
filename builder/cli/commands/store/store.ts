import { type CommandGroup, runGroup } from '../../kinds/command-group.ts';
import type { CommandContext } from '../../terminal/command-context.ts';
import { duCommand } from './du.ts';
import { pruneCommand } from './prune.ts';
import { storeVerify } from './store-verify.ts';

const group: CommandGroup = {
  name: 'store',
  usage: 'COMMAND [FLAGS]',
  purpose: 'Looks after the folder in which images and the results of steps are kept.',
  commands: [storeVerify, { ...duCommand, name: 'store du' }, { ...pruneCommand, name: 'store prune' }],
};

/** `tsbuild store`. */
export function runStore(context: CommandContext): Promise<number> {
  return runGroup(group, context);
}
