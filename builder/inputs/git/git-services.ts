import type { Store } from '../../../cache/store.ts';
import { secretValue } from '../../secrets/secret-value.ts';
import type { Cleanup } from '../../session/cleanup.ts';
import type { Settings } from '../../settings/settings.ts';
import type { GitServices } from './git-access.ts';
import { typedHosts } from './typed-hosts.ts';

interface GitNeeds {
  readonly options: Settings;
  readonly store: Store;
  readonly signal: AbortSignal;
  /** Gives the agent's socket back. */
  readonly cleanup: Cleanup;
  /** The user typed the address: the caller's own keys and agent serve its host. */
  readonly usesOwnKeys: boolean;
}

/** What of a build's options git may use. */
export function gitServices({ options, store, signal, cleanup, usesOwnKeys }: GitNeeds): GitServices {
  const { environment, ssh = {}, tlsVerify } = options;
  const source = Object.hasOwn(ssh, 'default') ? ssh['default'] : undefined;
  const hosts = typedHosts(options);
  const callerSocket = environment['SSH_AUTH_SOCK'];
  return {
    environment,
    secret: (id) => secretValue(id, options),
    forwardedAgent: async () => {
      if (source === undefined) return undefined;
      const { openAgentSocket } = await import('../../secrets/ssh-agent.ts');
      return cleanup.use(await openAgentSocket(await store.newPath(), { source, callerSocket, signal })).path;
    },
    own: usesOwnKeys ? { agentSocket: callerSocket } : undefined,
    isTyped: (host) => hosts.has(host),
    tlsVerify,
    signal,
  };
}
