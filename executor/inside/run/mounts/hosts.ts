import type { RunAction } from '../../../protocol/actions.ts';

type Names = Pick<RunAction, 'hostname' | 'hosts' | 'dns' | 'network'>;

/**
 * The text of /etc/hosts: the command's own host, and what was added. `gateway` is the address of this machine for commands that are not in its
 * network. (hosts(5))
 */
export function hostsText({ hostname, hosts }: Names, gateway = '127.0.0.1'): string {
  const own = hostname === '' || hostname === 'localhost' ? 'localhost' : `localhost ${hostname}`;
  const added = hosts.map(({ name, address }) => `${address === 'host-gateway' ? gateway : address}\t${name}\n`);
  return [`127.0.0.1\t${own}\n`, '::1\tlocalhost ip6-localhost ip6-loopback\n', ...added].join('');
}

/**
 * The text of /etc/resolv.conf. What the action says replaces the host's lines of the same kind; without a network there are no servers
 * but those that were asked for. `standIns` has what is asked in place of the host's servers that the command's network cannot reach. (resolv.conf(5))
 */
export function resolverText(
  { dns, network }: Names,
  hostText: string,
  standIns: ReadonlyMap<string, string> = new Map<string, string>(),
): string {
  const kept = network === 'none' ? [] : hostText.split('\n').filter((line) => line.trim() !== '' && !isReplaced(line, dns));
  const lines = [
    ...kept.map((line) => reachable(line, standIns)),
    ...dns.servers.map((server) => `nameserver ${server}`),
    ...(dns.searches.length > 0 ? [`search ${dns.searches.join(' ')}`] : []),
    ...(dns.options.length > 0 ? [`options ${dns.options.join(' ')}`] : []),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function reachable(line: string, standIns: ReadonlyMap<string, string>): string {
  const [keyword, server = ''] = line.trim().split(/\s+/);
  const standIn = keyword === 'nameserver' ? standIns.get(server) : undefined;
  return standIn === undefined ? line : `nameserver ${standIn}`;
}

function isReplaced(line: string, dns: RunAction['dns']): boolean {
  const [keyword] = line.trim().split(/\s+/);
  return (
    (keyword === 'nameserver' && dns.servers.length > 0) ||
    ((keyword === 'search' || keyword === 'domain') && dns.searches.length > 0) ||
    (keyword === 'options' && dns.options.length > 0)
  );
}
