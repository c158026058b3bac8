import { countIds, type HostUser, type IdPlan } from './id-map.ts';

/** How many ids the worker has. */
export interface WorkerTier {
  readonly kind: IdPlan['kind'];
  /** One line for people, with the consequence when there is one. */
  readonly description: string;
  /** How to get more ids. */
  readonly hint: string | undefined;
}

/** What a plan means for a build. */
export function describeTier(plan: IdPlan, user: HostUser): WorkerTier {
  const ids = Math.min(countIds(plan.uids), countIds(plan.gids));
  const { kind } = plan;
  switch (kind) {
    case 'root':
      return { kind, description: `Root in a user namespace with ${ids === 0xffff_ffff ? 'all' : ids} ids`, hint: undefined };
    case 'subordinate-ids':
      return {
        kind,
        description: `User namespace with ${ids} ids: those of "${user.name}" and its subordinate ids`,
        hint: undefined,
      };
    case 'single-id':
      return { kind, description: singleIdMeaning, hint: singleIdHint(user) };
  }
}

const singleIdMeaning =
  'Only one user id is available: files of other owners cannot be made, so many base images cannot be unpacked, and apt or useradd may fail';

function singleIdHint(user: HostUser): string {
  return user.uid === 0
    ? 'Give this container the capabilities SETUID, SETGID and SETFCAP'
    : `Run "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${user.name}", and install newuidmap (package uidmap)`;
}
