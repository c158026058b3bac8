import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { findProgram } from './find-program.ts';
import type { IdSources } from './host-user.ts';
import { currentUser, readIdSources } from './host-user.ts';
import { type IdPlan, planIdMaps } from './id-map.ts';

/** What can be said of the ids of a worker that has not been started. */
export interface ForeseenIds {
  /** What will be tried, the best first. */
  readonly plans: readonly [IdPlan, ...IdPlan[]];
  readonly sources: IdSources;
  /** Everything that decides which of them works: the same text, the same plan. */
  readonly circumstances: string;
}

/** Looks at what decides about the ids of a worker, without trying it. Loads no native code. */
export function foreseeIds(searchPath: string | undefined): ForeseenIds {
  const sources = readIdSources();
  const [best, ...others] = planIdMaps(currentUser(), sources);
  if (best === undefined) throw new Error('there is no plan for ids');
  const helpers = ['newuidmap', 'newgidmap'].map((name) => lookAtHelper(name, searchPath));
  const lacksHelper = best.kind === 'subordinate-ids' && helpers.includes(undefined);
  const [first = best, ...rest] = lacksHelper ? others : [best, ...others];
  const text = JSON.stringify([first, helpers, rightsOf(readFileSync('/proc/self/status', 'utf8'))]);
  return { plans: [first, ...rest], sources, circumstances: createHash('sha256').update(text).digest('hex') };
}

/** Path, mode and time of change, which also tells of new file capabilities. */
function lookAtHelper(name: string, searchPath: string | undefined): readonly [string, number, number] | undefined {
  const path = findProgram(name, searchPath);
  if (path === undefined) return undefined;
  const { mode, ctimeMs } = statSync(path);
  return [path, mode, ctimeMs];
}

function rightsOf(status: string): readonly string[] {
  return status.split('\n').filter((line) => /^(?:NoNewPrivs|CapBnd|CapEff):/.test(line));
}
