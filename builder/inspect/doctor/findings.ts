import { switchNames, sysctlCure, sysctlName } from '../../../executor/host/kernel-switches.ts';
import { findContainer } from './container-findings.ts';
import type { MachineFacts } from './facts.ts';
import { type Finding, ok } from './finding.ts';
import { findIds } from './id-findings.ts';
import { findStore } from './store-findings.ts';

/**
 * Everything worth saying about a machine, most basic things first. Where RUN works, what usually forbids it is not worth saying. Pure.
 */
export function findingsOf(facts: MachineFacts, { works }: { readonly works: boolean }): readonly Finding[] {
  return [...findKernel(facts), ...findNamespaces(facts), ...findIds(facts), ...findContainer(facts, works), ...findStore(facts)];
}

// overlayfs can be mounted in a user namespace since Linux 5.11.
const overlayKernel = [5, 11] as const;

function findKernel({ kernel }: MachineFacts): readonly Finding[] {
  const [major = 0, minor = 0] = kernel.split('.').map((part) => Number.parseInt(part, 10));
  const isNew = major > overlayKernel[0] || (major === overlayKernel[0] && minor >= overlayKernel[1]);
  if (isNew) return [ok(`Linux ${kernel}`)];
  return [
    {
      level: 'note',
      what: `Linux ${kernel} has no overlayfs for ordinary users; that came with 5.11`,
      cures: ['Use a newer kernel'],
    },
  ];
}

function findNamespaces({ switches, user }: MachineFacts): readonly Finding[] {
  const found: Finding[] = [];
  for (const name of switchNames.filter((key) => /^user\/max_(?!user_)/.test(key) && switches[key] === '0')) {
    found.push({
      level: 'problem',
      what: `Namespaces that a RUN needs are switched off (${sysctlName(name)} is 0)`,
      cures: [sysctlCure(name)],
    });
  }
  if (switches['user/max_user_namespaces'] === '0') {
    found.push({
      level: 'problem',
      what: 'User namespaces are switched off (user.max_user_namespaces is 0)',
      cures: [sysctlCure('user/max_user_namespaces')],
    });
  }
  if (user.uid !== 0 && switches['kernel/unprivileged_userns_clone'] === '0') {
    found.push({
      level: 'problem',
      what: 'User namespaces are for root only (kernel.unprivileged_userns_clone is 0)',
      cures: [sysctlCure('kernel/unprivileged_userns_clone')],
    });
  }
  if (user.uid !== 0 && switches['kernel/apparmor_restrict_unprivileged_userns'] === '1') {
    found.push({
      level: 'problem',
      what: 'AppArmor takes the privileges of user namespaces away (kernel.apparmor_restrict_unprivileged_userns is 1)',
      cures: [sysctlCure('kernel/apparmor_restrict_unprivileged_userns'), 'or an AppArmor profile with "userns," for node'],
    });
  }
  return found.length === 0 ? [ok('No switch of the kernel forbids user namespaces')] : found;
}
