import { countIds, type HostUser, type IdPlan, type IdSources } from './id-map.ts';
import { subordinateCure, subordinateRanges, usualIds } from './subordinate-ids.ts';

/** How many ids the worker has. */
export interface WorkerTier {
  readonly kind: IdPlan['kind'];
  /** One line for people, with the consequence when there is one. */
  readonly description: string;
  /** How to get more ids. */
  readonly hint: string | undefined;
}

/** What a plan means for a build. */
export function describeTier(plan: IdPlan, user: HostUser, sources: IdSources): WorkerTier {
  const ids = Math.min(countIds(plan.uids), countIds(plan.gids));
  const { kind } = plan;
  const hint = ids < usualIds ? moreIds(user, sources) : undefined;
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

/** Root has what its namespace was given. A user who has enough on paper has been told already why that could not be used. */
function moreIds(user: HostUser, sources: IdSources): string {
  if (user.uid === 0) {
    return 'Give this container a range of 65536 ids, and the capabilities SETUID, SETGID and SETFCAP';
  }
  const counts = [sources.subuid, sources.subgid].map((text) =>
    subordinateRanges(text, user).reduce((sum, { count }) => sum + count, 0),
  );
  if (Math.min(...counts) >= usualIds) {
    return 'Run "tsbuild doctor": it tells what keeps the subordinate ids of this user from being used';
  }
  return `Run "${subordinateCure(user, sources)}"`;
}
