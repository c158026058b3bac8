import { unreachable } from '../../../registry/oci/unreachable.ts';
import type { NetworkRequest } from '../../protocol/messages.ts';

/** Where the programs find what they are given: the network namespace, and what is written to when it is ready. */
const namespacePath = '/proc/self/fd/0';
const readyPath = '/proc/self/fd/1';
const readyFd = 1;

/** Link-local and unique local addresses that nobody else has there: what asks them for names asks the server that this machine asks. */
const pasta = { ipv4: '169.254.1.1', ipv6: 'fd74:7362:7569::53' };
/** Those of slirp4netns(1). */
const slirp = { nameServer: '10.0.2.3', gateway: '10.0.2.2' };

/** Which address stands for a name server of this machine that a private network cannot reach. */
export function standInOf({ provider }: NetworkRequest, server: string): string {
  switch (provider) {
    case 'pasta':
      return server.includes(':') ? pasta.ipv6 : pasta.ipv4;
    case 'slirp4netns':
      return slirp.nameServer;
    default:
      return unreachable(provider);
  }
}

/** The address that stands for this machine, where it is known before the network is there. */
export function givenGateway({ provider }: NetworkRequest): string | undefined {
  return provider === 'slirp4netns' ? slirp.gateway : undefined;
}

/**
 * The arguments of the program that carries the packets. Pure. Nothing of this machine's loopback can be reached but what was asked for; ports that a
 * command listens on stay inside. What asks one of the `standIns` for names asks the first server of this machine's resolv.conf, which the program
 * reads itself. (passt(1), slirp4netns(1))
 */
export function networkArguments(request: NetworkRequest, standIns: ReadonlySet<string>): readonly string[] {
  switch (request.provider) {
    case 'pasta':
      return pastaArguments(request, standIns);
    case 'slirp4netns':
      return slirpArguments(request);
    default:
      return unreachable(request.provider);
  }
}

function pastaArguments({ hostPorts, reachesHost }: NetworkRequest, standIns: ReadonlySet<string>): readonly string[] {
  const where = ['--config-net', '--netns', namespacePath, '--netns-only', '--pid', readyPath];
  const closed = ['-t', 'none', '-u', 'none', '-U', 'none'];
  return ['pasta', '--foreground', '--quiet'].concat(
    where,
    closed,
    ['-T', hostPorts.length === 0 ? 'none' : hostPorts.join(',')],
    reachesHost ? [] : ['--no-map-gw'],
    [...standIns].flatMap((address) => ['--dns-forward', address]),
  );
}

function slirpArguments({ reachesHost }: NetworkRequest): readonly string[] {
  return ['slirp4netns', '--configure', '--mtu=65520', '--enable-sandbox', '--enable-seccomp', `--ready-fd=${readyFd}`].concat(
    reachesHost ? [] : ['--disable-host-loopback'],
    ['--netns-type=path', namespacePath, 'tap0'],
  );
}
