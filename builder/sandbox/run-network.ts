import { networkInterfaces } from 'node:os';
import { EnvironmentError, ExecutorError } from '../../executor/host/errors.ts';
import { findProgram } from '../../executor/host/find-program.ts';
import type { RunAction } from '../../executor/protocol/actions.ts';
import type { NetworkRequest } from '../../executor/protocol/messages.ts';
import type { LazyWorker } from '../session/lazy-worker.ts';
import { hostGateway } from '../settings/run-values.ts';
import type { Settings } from '../settings/settings.ts';
import { proxyPorts } from './proxies.ts';

/** What a RUN of a plan asks for. */
type PlannedNetwork = 'default' | 'none' | 'host';
type Provider = NetworkRequest['provider'];

interface NetworkParts {
  readonly worker: LazyWorker;
  /** One that never joins a network, for commands that have this machine's in a build whose others have not. */
  readonly hostWorker: LazyWorker;
  readonly options: Settings;
  readonly signal: AbortSignal;
}

/** The network that the RUNs of a build share, made when the first of them needs it. */
export class RunNetwork {
  readonly #parts: NetworkParts;
  #joined: Promise<void> | undefined;

  constructor(parts: NetworkParts) {
    this.#parts = parts;
  }

  /** The network of a RUN, which is there then. @throws EnvironmentError `network-not-started` */
  async of(planned: PlannedNetwork): Promise<RunAction['network']> {
    const provider = this.#provider;
    if (planned !== 'default' || provider === undefined) return planned === 'none' ? 'none' : 'host';
    this.#joined ??= this.#join(provider);
    await this.#joined;
    return 'private';
  }

  /** The worker for a RUN: who has joined a network cannot give a command this machine's. */
  workerOf(planned: PlannedNetwork): LazyWorker {
    const { worker, hostWorker } = this.#parts;
    return planned === 'host' && this.#provider !== undefined ? hostWorker : worker;
  }

  get #provider(): Provider | undefined {
    const { network } = this.#parts.options;
    return network === 'pasta' || network === 'slirp4netns' ? network : undefined;
  }

  async #join(provider: Provider): Promise<void> {
    const { worker, options, signal } = this.#parts;
    const program = findProgram(provider, options.environment['PATH']);
    if (program === undefined) throw notStarted(provider, `Cannot start ${provider}: it is not installed`);
    const client = await worker.get();
    try {
      await client.request({ kind: 'join-network', network: networkRequest(provider, { program, options }) }, { signal });
    } catch (error) {
      if (error instanceof ExecutorError) throw notStarted(provider, error.message, error);
      throw error;
    }
  }
}

function networkRequest(
  provider: Provider,
  { program, options }: { readonly program: string; readonly options: Settings },
): NetworkRequest {
  const own = Object.values(networkInterfaces()).flatMap((list = []) => list.map(({ address }) => address));
  return {
    provider,
    program,
    hostPorts: proxyPorts(options, new Set(own)),
    reachesHost: options.run.hosts.some(({ address }) => address === hostGateway),
  };
}

function notStarted(provider: Provider, message: string, cause?: unknown): EnvironmentError {
  const packageName = provider === 'pasta' ? 'passt' : provider;
  const hint = `Install ${packageName}, which needs /dev/net/tun, or give RUN the network of this machine: --network host`;
  return new EnvironmentError('network-not-started', message, { hint, cause });
}
