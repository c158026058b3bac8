import { capabilityNames, type NamedCapability } from '../../../executor/protocol/capability-names.ts';
import type { CapabilityChanges } from '../../../executor/protocol/confinement.ts';
import { UsageError } from '../../contract/errors.ts';
import { shown } from '../../contract/shown.ts';

const all = 'ALL';

/**
 * What `--cap-add` and `--cap-drop` ask for, as docker and podman read them: dropping ALL comes before what is added, dropping a name after it.
 * undefined when they ask for nothing.
 *
 * @throws UsageError for a name that no capability has
 */
export function capabilityChanges(adds: readonly string[], drops: readonly string[]): CapabilityChanges | undefined {
  const added = adds.map((text) => capabilityOf('--cap-add', text));
  const dropped = drops.map((text) => capabilityOf('--cap-drop', text));
  if (added.length + dropped.length === 0) return undefined;
  if (added.includes(all) && dropped.includes(all)) {
    throw new UsageError('--cap-drop', 'Cannot use --cap-add ALL and --cap-drop ALL together: they say different things');
  }
  return {
    from: dropped.includes(all) ? 'none' : 'usual',
    added: added.includes(all) ? capabilityNames : inOrder(added),
    dropped: inOrder(dropped),
  };
}

/** @throws UsageError */
export function checkCapability(text: string, flag: string): void {
  capabilityOf(flag, text);
}

function capabilityOf(flag: string, text: string): NamedCapability | typeof all {
  const name = text.toUpperCase();
  if (name === all || name === `CAP_${all}`) return all;
  const found = capabilityNames.find((known) => known === name || known === `CAP_${name}`);
  if (found !== undefined) return found;
  throw new UsageError(flag, `Cannot use ${flag} ${shown(text)}: there is no such capability`, {
    hint: 'capabilities(7) lists them; for example SYS_PTRACE, or ALL',
  });
}

/** The same for every order of the flags: it is part of keys. */
function inOrder(names: readonly (NamedCapability | typeof all)[]): readonly NamedCapability[] {
  return capabilityNames.filter((name) => names.includes(name));
}
