import type { HostUser, IdSources } from './host-user.ts';
import { countIds, type IdPlan } from './id-map.ts';
import { subordinateCure, usualIds } from './subordinate-ids.ts';

/** How many ids the worker has. */
export interface WorkerTier {
  readonly kind: IdPlan['kind'];
  /** One line for people, with the consequence when there is one. */
  readonly description: string;
  /** How to get more ids. */
  readonly hint: string | undefined;
}

/** The plan that a worker was started with, and what there was to choose from. */
export interface TierFacts {
  readonly plan: IdPlan;
  readonly user: HostUser;
  readonly sources: IdSources;
  /** The cure of what kept a better plan from working. */
  readonly refusalHint: string | undefined;
}

/** What a plan means for a build. */
export function describeTier(facts: TierFacts): WorkerTier {
  const { plan, user } = facts;
  const ids = Math.min(countIds(plan.uids), countIds(plan.gids));
  const { kind } = plan;
  const hint = ids < usualIds ? moreIds(facts) : undefined;
  switch (kind) {
    case 'root':
      return ids === 1
        ? { kind, description: singleIdMeaning, hint }
        : { kind, description: `Root in a user namespace with ${ids === 0xffff_ffff ? 'all' : ids} ids`, hint };
    case 'subordinate-ids':
      return { kind, description: `User namespace with ${ids} ids: those of "${user.name}" and its subordinate ids`, hint };
    case 'single-id':
      return { kind, description: singleIdMeaning, hint };
  }
}

const singleIdMeaning =
  'Only one user id is available: files of other owners cannot be made, so many base images cannot be unpacked, and apt or useradd may fail';

/** Root has what its namespace was given. */
function moreIds({ user, sources, refusalHint }: TierFacts): string {
  if (refusalHint !== undefined) return refusalHint;
  if (user.uid === 0) return 'Give this container a range of 65536 ids, and the capabilities SETUID, SETGID and SETFCAP';
  const { kind, text } = subordinateCure(user, sources);
  return kind === 'command' ? `Run "${text}"` : text;
}
