import { readFileSync, writeFileSync } from 'node:fs';
import { close } from '../../../native/files.ts';
import type { IdExtent } from '../../../native/id-extents.ts';
import { currentIdMaps } from '../../../native/identity.ts';
import { setns } from '../../../native/processes.ts';
import { makeNamespaces } from '../../../native/tape/start.ts';
import { errnoOf } from '../../../registry/oci/thrown.ts';
import type { NetworkRequest, WorkerResults } from '../../protocol/messages.ts';
import type { RequestContext } from '../request/request-context.ts';
import { addressesOfThisMachine, isOfThisMachine, nameServersIn, resolverOfThisMachine } from './name-servers.ts';
import { givenGateway, networkArguments, standInOf } from './network-programs.ts';
import { setPrivateNetwork } from './private-network.ts';
import { startProgram } from './start-program.ts';

/**
 * Makes a network namespace, starts the program that carries its packets, and joins it for good: the kernel lets nobody but root go back to the
 * machine's. Commands that are `private` then begin in it. The program has one id and capabilities over this network alone. Once for a worker.
 *
 * @throws Refusal `machine` when the program does not work here
 */
export async function joinNetwork(request: NetworkRequest, context: RequestContext): Promise<WorkerResults['join-network']> {
  // What this machine's network has is not to be seen from the other.
  const local = localServers();
  const [userFd = -1, netFd = -1] = await makeNamespaces({ namespaces: ['user', 'net'], onCloned: writeRootMap });
  try {
    const argv = networkArguments(request, new Set(local.map((server) => standInOf(request, server))));
    const program = await startProgram({ path: request.program, argv }, { userFd, netFd }, context);
    setns(netFd, 'net');
    openToCommands();
    setPrivateNetwork({
      name: request.provider,
      standIns: new Map(local.map((server) => [server, standInOf(request, server)])),
      gateway: givenGateway(request) ?? defaultGateway(readFileSync('/proc/self/net/route', 'latin1')),
      end: program.end,
    });
    return {};
  } finally {
    close(userFd);
    close(netFd);
  }
}

/** The name servers that run on this machine itself, which a resolver often does. */
function localServers(): readonly string[] {
  const own = addressesOfThisMachine();
  return nameServersIn(resolverOfThisMachine()).filter((server) => isOfThisMachine(server, own));
}

/** Root there is root here, and there is nobody else. (user_namespaces(7)) */
function writeRootMap(pid: number): void {
  for (const map of ['uid_map', 'gid_map']) writeFileSync(`/proc/${pid}/${map}`, '0 0 1\n');
}

/**
 * A command has no capability over the network that it shares with others, so what a container's may do is open to everybody: to listen on ports below
 * 1024, and to ping. (ip(7), icmp(7))
 */
function openToCommands(): void {
  const settings = { ip_unprivileged_port_start: '0', ping_group_range: `0 ${lastGidFromZero(currentIdMaps().gids)}` };
  for (const [name, value] of Object.entries(settings)) {
    try {
      writeFileSync(`/proc/sys/net/ipv4/${name}`, value);
    } catch (error) {
      // Containers make /proc/sys read-only, and a kernel may lack one.
      if (errnoOf(error) === undefined) throw error;
    }
  }
}

/** The kernel refuses a range whose ends it has no id for. (icmp(7)) */
function lastGidFromZero(gids: readonly IdExtent[]): number {
  let next = 0;
  for (const { inside, count } of gids.toSorted((left, right) => left.inside - right.inside)) {
    if (inside === next) next += count;
  }
  return Math.min(Math.max(next - 1, 0), 2 ** 31 - 1);
}

/** In the text of /proc/net/route: columns of hexadecimal numbers in the order of the processor, which is little-endian. Exported for tests. */
export function defaultGateway(routes: string): string | undefined {
  const gateways = routes.split('\n').flatMap((line) => {
    const [, destination, gateway = ''] = line.trim().split(/\s+/);
    return destination === '00000000' && gateway !== '00000000' ? [gateway] : [];
  });
  return gateways[0] === undefined ? undefined : [...Buffer.from(gateways[0], 'hex')].toReversed().join('.');
}
