import type { Confinement } from '../../../executor/protocol/confinement.ts';
import { UsageError } from '../../contract/errors.ts';
import type { BuildOptions } from '../../contract/options.ts';
import { shown } from '../../contract/shown.ts';
import { capabilityChanges } from './capability-changes.ts';
import { parseSecurityOption, type SeccompChoice, type SecurityOption } from './security-options.ts';

/** How commands are confined. A profile for system calls is not read yet. */
export interface ConfinementSettings {
  readonly seccomp: SeccompChoice;
  readonly others: Omit<Confinement, 'seccomp'>;
  readonly isStrict: boolean;
}

/** Reads the options that say how commands are confined; of several of a kind the last counts. @throws UsageError */
export function confinementSettings(options: BuildOptions): ConfinementSettings {
  const { addCapabilities = [], dropCapabilities = [], securityOptions = [], isolation } = options;
  const capabilities = capabilityChanges(addCapabilities, dropCapabilities);
  const given = securityOptions.map(parseSecurityOption);
  return {
    seccomp: lastOf(given, 'seccomp')?.profile ?? 'usual',
    others: { ...(capabilities !== undefined && { capabilities }), ...restrictions(given) },
    isStrict: isolation === 'strict',
  };
}

function restrictions(given: readonly SecurityOption[]): Omit<Confinement, 'seccomp' | 'capabilities'> {
  const apparmor = lastOf(given, 'apparmor')?.profile;
  const labels = given.flatMap((option) => (option.kind === 'label' ? [option.label] : []));
  const label = labels.reduce((whole, part) => (Object.keys(part).length === 0 ? {} : { ...whole, ...part }), {});
  return {
    ...(lastOf(given, 'no-new-privileges')?.isOn === true && { hasNoNewPrivileges: true }),
    ...(apparmor !== undefined && { apparmor }),
    ...(Object.keys(label).length > 0 && { label }),
  };
}

function lastOf<Kind extends SecurityOption['kind']>(
  given: readonly SecurityOption[],
  kind: Kind,
): Extract<SecurityOption, { readonly kind: Kind }> | undefined {
  return given.findLast((option): option is Extract<SecurityOption, { readonly kind: Kind }> => option.kind === kind);
}

/** What commands may be kept apart by. */
export const isolations = ['default', 'oci', 'rootless', 'strict'] as const;

/** @throws UsageError */
export function checkIsolation(text: string, flag: string): void {
  if (isolations.some((known) => known === text)) return;
  if (text === 'chroot') {
    throw new UsageError(flag, `Cannot use ${flag} chroot: commands without namespaces of their own are not supported yet`, {
      hint: 'Leave it out: namespaces need no privileges, and "tsbuild doctor" says whether they work here',
    });
  }
  throw new UsageError(flag, `Cannot use ${flag} ${shown(text)}: expected ${isolations.join(', ')}`);
}

/** A name or number of a group of the image. @throws UsageError */
export function checkGroup(text: string, flag: string): void {
  if (text === 'keep-groups') {
    throw new UsageError(flag, `Cannot use ${flag} keep-groups: the groups of the caller are not those of an image`, {
      hint: 'Give the groups by name or number',
    });
  }
  if (/^[^\s:,\p{Cc}]+$/u.test(text)) return;
  throw new UsageError(flag, `Cannot use ${flag} ${shown(text)}: expected the name or number of a group`);
}
