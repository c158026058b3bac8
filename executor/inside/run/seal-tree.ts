import type { MountedRootfs } from '../overlay/rootfs.ts';
import { isSealedSoon } from '../overlay/seal.ts';
import { Refusal } from '../request/failure.ts';

/**
 * Ends all writing in the tree of a command that has ended, before a layer is made of it. Its processes are dead, but another command that runs at
 * the same time may have got descriptors of the tree over a socket in a cache that both have mounted, and could change the layer while it is made and
 * whenever it likes after that. (SCM_RIGHTS in unix(7))
 */
export async function sealTree(rootfs: MountedRootfs, signal: AbortSignal): Promise<void> {
  if (!(await isSealedSoon(rootfs, signal))) throw stillWritten();
}

function stillWritten(): Refusal {
  return new Refusal(
    'not-supported',
    'Cannot make a layer of what the command changed: another command that runs has got a file of it, and has it open for writing',
    'Commands that share a cache mount must not send each other open files; sharing=locked lets one of them run at a time',
  );
}
