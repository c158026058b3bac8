import type { BuildResult } from '../contract/result.ts';
import { printableLine } from '../show/printable.ts';
import { duration } from '../show/units.ts';

/** The last line of a build: what was made, under which names, from how many steps, in what time. */
export function summaryLine({ descriptor, names, steps }: BuildResult, elapsedMs: number): string {
  const what = descriptor === undefined ? 'Built' : `Built ${descriptor.digest}`;
  const as = names.length === 0 ? '' : ` as ${names.map(printableLine).join(', ')}`;
  const unit = steps.total === 1 ? 'step' : 'steps';
  return `${what}${as} in ${duration(elapsedMs)} (${steps.total} ${unit}, ${steps.cached} cached)\n`;
}
