import { UsageError } from '../../contract/errors.ts';
import { checkRegistryFiles } from '../../secrets/registry-files.ts';
import type { Flag } from '../flags/flag.ts';
import type { ParsedFlags } from '../flags/parse-flags.ts';
import { helpFlag } from '../flags/shared-flags.ts';
import { credentialOptions, type RegistryCommand, runRegistryCommand } from '../kinds/registry-command.ts';
import type { CommandContext } from '../terminal/command-context.ts';

/** What the command takes. Exported for tests. */
export const logoutFlags: readonly Flag[] = [
  { long: '--all', short: '-a', group: 'Which', help: 'Forget the credentials of every registry' },
  { long: '--authfile', value: 'FILE', group: 'Registries', help: 'Credentials (default: what docker and podman use)' },
  helpFlag,
];

const logoutCommand: RegistryCommand = {
  name: 'logout',
  operands: '[REGISTRY]',
  mostOperands: 1,
  summary: 'Forgets the credentials of a registry (default: docker.io)',
  flags: logoutFlags,
  run: signOut,
};

/** `tsbuild logout`. */
export async function runLogout(context: CommandContext): Promise<number> {
  return runRegistryCommand(logoutCommand, context);
}

async function signOut(parsed: ParsedFlags, context: CommandContext): Promise<number> {
  const { logout, signedIn } = await import('../../../registry/login.ts');
  const options = credentialOptions(parsed, context);
  await checkRegistryFiles(options);
  const isAll = parsed.isOn('--all') === true;
  if (isAll && parsed.operands.length > 0) throw new UsageError('--all', 'Cannot use --all with the name of a registry');
  const registry = parsed.operands[0] ?? 'docker.io';
  const registries = isAll ? await signedIn(options) : [registry];
  for (const name of registries) {
    const isRemoved = await logout(name, options);
    if (!isRemoved && !isAll) {
      throw new UsageError('REGISTRY', `Cannot sign out of "${name}": nobody is signed in there`);
    }
    context.stdout.write(`Removed the credentials for ${name}\n`);
  }
  return 0;
}
