import { type CommandGroup, runGroup } from '../../kinds/command-group.ts';
import type { StoreCommand } from '../../kinds/store-command.ts';
import type { CommandContext } from '../../terminal/command-context.ts';
import { manifestAdd, manifestAnnotate, manifestCreate, manifestRemove } from './manifest-changes.ts';
import { manifestInspect, manifestPush, manifestRm } from './manifest-lists.ts';

/** The commands below `tsbuild manifest`. Exported for tests. */
export const manifestCommands: readonly StoreCommand[] = [
  manifestCreate,
  manifestAdd,
  manifestAnnotate,
  manifestRemove,
  manifestInspect,
  manifestPush,
  manifestRm,
];

const group: CommandGroup = {
  name: 'manifest',
  usage: 'COMMAND [FLAGS] ...',
  purpose: 'Joins images of several platforms into a list, which has one name for all of them.',
  commands: manifestCommands,
  examples: [
    '  # One name for two images that were built on two machines',
    '  tsbuild manifest create app:1 docker://host/app:1-amd64 docker://host/app:1-arm64',
    '  tsbuild manifest push app:1 host/app:1',
  ],
};

/** `tsbuild manifest`. */
export function runManifest(context: CommandContext): Promise<number> {
  return runGroup(group, context);
}
