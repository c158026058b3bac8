import { helperPackages, helperRightsOf, helperTrouble } from '../../../executor/host/id-helpers.ts';
import { countIds, planIdMaps } from '../../../executor/host/id-map.ts';
import { subordinateCure, usualIds } from '../../../executor/host/subordinate-ids.ts';
import type { MachineFacts } from './facts.ts';
import { type Finding, ok } from './finding.ts';

/** What is known of user and group ids: subordinate ranges and the programs that map them. Counted as a build counts them. */
export function findIds({ user, ids, helpers, status }: MachineFacts): readonly Finding[] {
  const [best] = planIdMaps(user, ids);
  const count = best === undefined ? 1 : Math.min(countIds(best.uids), countIds(best.gids));
  if (user.uid === 0) return findOwnIds(count);
  const cures = [subordinateCure(user, ids).text];
  if (best?.kind !== 'subordinate-ids') {
    return [{ level: 'note', what: `"${user.name}" has no subordinate ids, so files of other owners cannot be made`, cures }];
  }
  // Its own id is not one of them.
  const given = count - 1;
  const amount: Finding =
    given >= usualIds
      ? ok(`"${user.name}" has ${given} subordinate ids`)
      : { level: 'note', what: `"${user.name}" has only ${given} usable subordinate ids; images may use any up to 65535`, cures };
  return [amount, ...findHelpers(helpers, status)];
}

// Root maps what it has here, which in a container may be little.
function findOwnIds(count: number): readonly Finding[] {
  if (count >= usualIds) return [ok(count >= 2 ** 32 - 1 ? 'Root, with all ids' : `Root, with ${count} ids`)];
  return [
    {
      level: 'note',
      what: `Root of a namespace with only ${count} ids; images may use any up to 65535`,
      cures: ['Give the container a range of 65536 ids'],
    },
  ];
}

function findHelpers(helpers: MachineFacts['helpers'], status: string): readonly Finding[] {
  const missing = (['newuidmap', 'newgidmap'] as const).filter((name) => helpers[name] === undefined);
  if (missing.length > 0) {
    const what = `${missing.join(' and ')} not found, so the subordinate ids cannot be used`;
    return [{ level: 'note', what, cures: helperPackages }];
  }
  const rights = helperRightsOf(status);
  return [helpers.newuidmap, helpers.newgidmap].flatMap((helper): Finding[] => {
    const trouble = helper === undefined ? undefined : helperTrouble(helper, rights);
    return trouble === undefined ? [] : [{ level: 'note', what: trouble.what, cures: [trouble.cure] }];
  });
}
