import { writeFileSync } from 'node:fs';
import { errnoOf } from '../../../registry/oci/thrown.ts';

/**
 * Gives up what the worker has from whoever started the build and would hand down to every command, where it is a file of proc(5) and so no call
 * for a tape. Any process may raise its score for the kernel's choice of what to end when memory runs out, hardly any may lower it: the highest is
 * the only one that all can have. It also leaves main alive, which then says what became of the step.
 */
export function becomeOrdinary(): void {
  const settings = { oom_score_adj: '1000', coredump_filter: '0x33' };
  for (const [name, value] of Object.entries(settings)) {
    try {
      writeFileSync(`/proc/self/${name}`, value);
    } catch (error) {
      // Kernels without core files lack one of them, and a container may have made /proc read-only.
      if (errnoOf(error) === undefined) throw error;
    }
  }
}
