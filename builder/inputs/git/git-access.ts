import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isLoopback } from '../../../registry/address/loopback.ts';
import { secretLine } from '../../secrets/secret-value.ts';
import type { GitLocation } from './git-location.ts';
import type { GitAccess } from './git-program.ts';

/** What may be used to reach repositories. */
export interface GitServices {
  /** The caller's: PATH, proxies and certificates are taken from it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The value of a secret that the caller gave, by id. */
  readonly secret: (id: string) => Promise<Buffer | undefined>;
  /** The socket of the agent that `--ssh` forwards, opened when it is asked for; undefined when none is forwarded. */
  readonly forwardedAgent: () => Promise<string | undefined>;
  /**
   * The user typed the address, so the keys in the user's .ssh and the user's own agent serve its host: not those that submodules name. undefined:
   * a Containerfile named it, which gets the agent that is forwarded, and no more.
   */
  readonly own: { readonly agentSocket: string | undefined } | undefined;
  /** The user typed an address on this host (with its port). */
  readonly isTyped: (host: string) => boolean;
  readonly tlsVerify: boolean | undefined;
  readonly signal: AbortSignal;
}

const proxies = ['http_proxy', 'https_proxy', 'no_proxy', 'all_proxy'];
const inherited = [
  'PATH',
  'TMPDIR',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'GIT_SSL_CAINFO',
  'GIT_SSL_CAPATH',
  ...proxies,
  ...proxies.map((name) => name.toUpperCase()),
];

/**
 * How git reaches a repository. Credentials go through the environment, which only this user and root can see: never through arguments, and
 * never along a redirect. `home` is an empty folder, so that no file of the user's (.netrc, .gitconfig) is read.
 */
export async function gitAccess(location: GitLocation, services: GitServices, home: string): Promise<GitAccess> {
  const header = await authorizationOf(location, services);
  const secrets: readonly (readonly [key: string, value: string])[] =
    header === undefined
      ? []
      : [
          [`http.${new URL(location.remote).origin}/.extraHeader`, `Authorization: ${header}`],
          ['http.followRedirects', 'false'],
        ];
  const environment = {
    ...fixedVariables(home),
    ...inheritedVariables(services),
    ...configVariables(secrets),
    // Submodules may be reached by ssh, whatever the repository itself is reached by.
    ...(await sshVariables(location, services, home)),
  };
  return { environment, signal: services.signal };
}

function fixedVariables(home: string): Record<string, string> {
  return {
    HOME: home,
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_SYSTEM: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    // Also for submodules, whose URLs the repository says: nothing local, and no transport that runs a program.
    GIT_ALLOW_PROTOCOL: 'http:https:ssh:git',
    GIT_PROTOCOL_FROM_USER: '0',
    GIT_OPTIONAL_LOCKS: '0',
  };
}

function inheritedVariables({ environment, tlsVerify }: GitServices): Record<string, string> {
  const variables: Record<string, string> = tlsVerify === false ? { GIT_SSL_NO_VERIFY: '1' } : {};
  for (const name of inherited) {
    const value = environment[name];
    if (value !== undefined) variables[name] = value;
  }
  return variables;
}

/** Settings that no other process may read off a command line. (git-config(1), GIT_CONFIG_COUNT) */
function configVariables(settings: readonly (readonly [key: string, value: string])[]): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const [index, [key, value]] of settings.entries()) {
    variables[`GIT_CONFIG_KEY_${index}`] = key;
    variables[`GIT_CONFIG_VALUE_${index}`] = value;
  }
  return settings.length === 0 ? {} : { ...variables, GIT_CONFIG_COUNT: String(settings.length) };
}

/** The host's key must be in the user's or the machine's known_hosts: nobody is there who could be asked. */
async function sshVariables(location: GitLocation, services: GitServices, home: string): Promise<Record<string, string>> {
  const forwarded = await services.forwardedAgent();
  const socket = forwarded ?? services.own?.agentSocket;
  const file = join(home, 'ssh_config');
  await writeFile(file, sshConfig(services.own && sshHostOf(location), forwarded !== undefined), { mode: 0o600 });
  const quoted = `'${file.replaceAll("'", "'\\''")}'`;
  return {
    GIT_SSH_COMMAND: `ssh -F ${quoted} -o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=20`,
    ...(socket !== undefined && { SSH_AUTH_SOCK: socket }),
  };
}

/**
 * The user's own keys for one host alone, since git reaches submodules, whose addresses the repository says, by the same program. An agent that is
 * forwarded is for all of them. (ssh_config(5), Host, IdentityFile, IdentityAgent)
 */
function sshConfig(ownHost: string | undefined, isForwarded: boolean): string {
  const others = ownHost === undefined ? '*' : `* !${ownHost}`;
  return `Host ${others}\n  IdentityFile none\n${isForwarded ? '' : '  IdentityAgent none\n'}`;
}

/** The host as ssh gets it; undefined for what ssh could take for a pattern, and for other transports. */
function sshHostOf({ transport, remote, host }: GitLocation): string | undefined {
  if (transport !== 'ssh') return undefined;
  const name = remote.includes('://') ? new URL(remote).hostname.replace(/^\[|\]$/g, '') : host;
  return /^[\w.:-]+$/.test(name) ? name : undefined;
}

/** What GIT_AUTH_HEADER and GIT_AUTH_TOKEN, for the host or in general, or the URL itself say. */
async function authorizationOf(location: GitLocation, services: GitServices): Promise<string | undefined> {
  const { transport, host, userInfo } = location;
  if (transport !== 'http' && transport !== 'https') return undefined;
  const own = await secretHeader([`.${host}`, `.${new URL(location.remote).hostname}`], services);
  if (own !== undefined) return own;
  // A token that is for no host in particular goes to whom the user named alone, and not where everybody on the way can read it.
  const isPrivate = transport === 'https' || isLoopback(new URL(location.remote).hostname);
  const general = isPrivate && services.isTyped(host) ? await secretHeader([''], services) : undefined;
  return general ?? (userInfo === undefined ? undefined : basic(userInfo));
}

async function secretHeader(suffixes: readonly string[], { secret }: GitServices): Promise<string | undefined> {
  for (const suffix of suffixes) {
    const header = secretLine(await secret(`GIT_AUTH_HEADER${suffix}`));
    if (header !== undefined) return header;
    const token = secretLine(await secret(`GIT_AUTH_TOKEN${suffix}`));
    if (token !== undefined) return basic(`x-access-token:${token}`);
  }
  return undefined;
}

function basic(userInfo: string): string {
  return `Basic ${Buffer.from(userInfo).toString('base64')}`;
}
