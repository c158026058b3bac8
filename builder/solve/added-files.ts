import type { CopyAction, CopyGroup, TreeSource } from '../../executor/protocol/actions.ts';
import { constantTimeSeconds } from '../../registry/oci/layer/constant-time.ts';
import type { KeyedGroup } from '../keys/keyed-action.ts';
import type { OnProgress } from '../layers/root-folders.ts';
import type { PlannedAdd } from '../plan/model/plan.ts';
import { type DecidedGroup, decideFiles, withTime } from './planned-files.ts';
import { replacesOf, writeGroups } from './prepare-copy.ts';
import type { StageSolving } from './solved-stage.ts';

/** Some sources of an ADD, looked at: what they are to the key, and to the worker. */
export interface AddedFiles {
  readonly keyed: readonly KeyedGroup[];
  readonly inputs: () => Promise<Iterable<string>>;
  /** `time` is that of the whole action: with `source`, files whose times say nothing get T0 one by one. */
  readonly materialise: (time: CopyAction['time']) => Promise<readonly CopyGroup[]>;
  readonly time: CopyAction['time'];
}

/** What the parts of an ADD work with. */
export interface AddJob {
  readonly action: PlannedAdd;
  readonly around: StageSolving;
  readonly onProgress: OnProgress;
}

/** Groups whose files are in a folder, and whose times say nothing: all get `mtime` (default: T0) where times count. */
export async function groupsOfFolder(
  groups: readonly DecidedGroup[],
  root: TreeSource,
  { action, around, mtime = constantTimeSeconds }: Pick<AddJob, 'action' | 'around'> & { readonly mtime?: number | undefined },
): Promise<AddedFiles> {
  const decided = await decideFiles(groups, { ...replacesOf(action), signal: around.solving.signal });
  return {
    keyed: decided.keyed,
    inputs: decided.inputs,
    materialise: (time) => {
      const timed = time === 'constant' ? groups : groups.map((group) => withTime(group, mtime));
      return writeGroups(timed, root, around);
    },
    time: 'constant',
  };
}
