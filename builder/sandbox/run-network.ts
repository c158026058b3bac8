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
  readonly onNotice: (message: string) => void;
}

/** The network that the RUNs of a build share, made when the first of them needs it. */
export class RunNetwork {
  readonly #parts: NetworkParts;
  #joined: Promise<boolean> | undefined;

  constructor(parts: NetworkParts) {
    this.#parts = parts;
  }

  /** The network of a RUN, which is there then. @throws EnvironmentError `network-not-started`, where one was asked for by name */
  async of(planned: PlannedNetwork): Promise<RunAction['network']> {
    const provider = this.#provider;
    if (planned !== 'default' || provider === undefined) return planned === 'none' ? 'none' : 'host';
    this.#joined ??= this.#isByDefault ? this.#joinIfPossible(provider) : this.#join(provider);
    return (await this.#joined) ? 'private' : 'host';
  }

  /** The worker for a RUN: who has joined a network cannot give a command this machine's. */
  workerOf(planned: PlannedNetwork): LazyWorker {
    const { worker, hostWorker } = this.#parts;
    return planned === 'host' && this.#provider !== undefined ? hostWorker : worker;
  }

  get #isByDefault(): boolean {
    return (this.#parts.options.network ?? 'default') === 'default';
  }

  get #provider(): Provider | undefined {
    const { network } = this.#parts.options;
    if (this.#isByDefault) return 'pasta';
    return network === 'pasta' || network === 'slirp4netns' ? network : undefined;
  }

  async #joinIfPossible(provider: Provider): Promise<boolean> {
    try {
      return await this.#join(provider);
    } catch (error) {
      if (!(error instanceof EnvironmentError) || error.code !== 'network-not-started') throw error;
      this.#parts.onNotice(`RUN shares the network of this machine, loopback included: ${error.message} (${error.hint ?? ''})`);
      return false;
    }
  }

  async #join(provider: Provider): Promise<true> {
    const { worker, options, signal } = this.#parts;
    const program = findProgram(provider, options.environment['PATH']);
    if (program === undefined) throw notStarted(provider, `Cannot start ${provider}: it is not installed`);
    const client = await worker.get();
    try {
      await client.request({ kind: 'join-network', network: networkRequest(provider, { program, options }) }, { signal });
      return true;
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
  const hint = `Install ${packageName}, which needs /dev/net/tun, or say --network host to share this machine's`;
  return new EnvironmentError('network-not-started', message, { hint, cause });
}
