import { existsSync } from 'node:fs';
import { UsageError } from '../../contract/errors.ts';
import { checkRegistryFiles } from '../../secrets/registry-files.ts';
import type { Flag } from '../flags/flag.ts';
import type { ParsedFlags } from '../flags/parse-flags.ts';
import { helpFlag, registryFlags } from '../flags/shared-flags.ts';
import { registrySettings } from '../kinds/in-session.ts';
import { credentialOptions, type RegistryCommand, runRegistryCommand } from '../kinds/registry-command.ts';
import type { CommandContext } from '../terminal/command-context.ts';
import { askHidden, askLine, readPassword } from '../terminal/prompt.ts';
import { waitFor } from '../terminal/wait.ts';

/** What the command takes. Exported for tests. */
export const loginFlags: readonly Flag[] = [
  {
    long: '--username',
    short: '-u',
    value: 'NAME',
    group: 'Credentials',
    help: 'User; asked for on a terminal when it is missing',
  },
  { long: '--password-stdin', group: 'Credentials', help: 'Read the password from standard input' },
  { long: '--get-login', group: 'Credentials', help: 'Print the user that is signed in, and do nothing else' },
  ...registryFlags('Registries'),
  helpFlag,
];

const loginCommand: RegistryCommand = {
  name: 'login',
  operands: '[REGISTRY]',
  mostOperands: 1,
  summary: 'Tries credentials at a registry and keeps them where docker and podman find them (default: docker.io)',
  flags: loginFlags,
  refused: [
    {
      long: '--password',
      short: '-p',
      value: 'TEXT',
      reason: 'a password on the command line can be read by every user of the machine',
      hint: 'Use --password-stdin',
    },
  ],
  run: signIn,
};

/** `tsbuild login`. */
export async function runLogin(context: CommandContext): Promise<number> {
  return runRegistryCommand(loginCommand, context);
}

async function signIn(parsed: ParsedFlags, context: CommandContext): Promise<number> {
  const registry = parsed.operands[0] ?? 'docker.io';
  if (parsed.isOn('--get-login') === true) return showLogin(registry, { parsed, context });
  const options = credentialOptions(parsed, context);
  const { certDirectory } = registrySettings(parsed);
  // A login may make the file of credentials.
  await checkRegistryFiles({ certDirectory, authFile: existsSync(options.authFile ?? '') ? options.authFile : undefined });
  const password = await readCredentials(registry, { parsed, context });
  const [{ RegistryClient }, { login }] = await Promise.all([
    import('../../../registry/distribution/client.ts'),
    import('../../../registry/login.ts'),
  ]);
  await using client = new RegistryClient({ ...registrySettings(parsed), ...options });
  const { host, keptIn } = await waitFor({ title: `login ${registry}`, context }, () =>
    login(registry, password, { ...options, client }),
  );
  context.stdout.write('Login succeeded\n');
  context.stderr.write(`The credentials for ${host} are kept in ${keptIn}\n`);
  return 0;
}

interface LoginCall {
  readonly parsed: ParsedFlags;
  readonly context: CommandContext;
}

async function showLogin(registry: string, { parsed, context }: LoginCall): Promise<number> {
  await checkRegistryFiles(registrySettings(parsed));
  const { findCredentials } = await import('../../../registry/auth/find-credentials.ts');
  const found = await findCredentials(registry, credentialOptions(parsed, context));
  if (found === undefined) {
    throw new UsageError('--get-login', `Cannot show the user for "${registry}": nobody is signed in`, {
      hint: `Sign in: tsbuild login ${registry}`,
    });
  }
  context.stdout.write(`${found.username}\n`);
  return 0;
}

async function readCredentials(
  registry: string,
  { parsed, context }: LoginCall,
): Promise<{ readonly username: string; readonly secret: string }> {
  const fromInput = parsed.isOn('--password-stdin') === true;
  const named = parsed.last('--username');
  if (fromInput && named === undefined) {
    throw new UsageError('--username', 'Cannot sign in: --password-stdin needs a user', { hint: 'Add --username NAME' });
  }
  const username = named ?? (await askLine(`User for ${registry}: `, context));
  if (fromInput) return { username, secret: await readPassword(context) };
  return { username, secret: await askHidden('Password: ', context) };
}
