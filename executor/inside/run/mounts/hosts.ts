import type { RunAction } from '../../../protocol/actions.ts';

type Names = Pick<RunAction, 'hostname' | 'hosts' | 'dns' | 'network'>;

/** The text of /etc/hosts: the command's own host, and what was added. (hosts(5)) */
export function hostsText({ hostname, hosts }: Names): string {
  const own = hostname === '' || hostname === 'localhost' ? 'localhost' : `localhost ${hostname}`;
  const added = hosts.map(({ name, address }) => `${address}\t${name}\n`);
  return [`127.0.0.1\t${own}\n`, '::1\tlocalhost ip6-localhost ip6-loopback\n', ...added].join('');
}

/**
 * The text of /etc/resolv.conf. What the action says replaces the host's lines of the same kind; without a network there are no servers
 * but those that were asked for. (resolv.conf(5))
 */
export function resolverText({ dns, network }: Names, hostText: string): string {
  const kept = network === 'host' ? hostText.split('\n').filter((line) => line.trim() !== '' && !isReplaced(line, dns)) : [];
  const lines = [
    ...kept,
    ...dns.servers.map((server) => `nameserver ${server}`),
    ...(dns.searches.length > 0 ? [`search ${dns.searches.join(' ')}`] : []),
    ...(dns.options.length > 0 ? [`options ${dns.options.join(' ')}`] : []),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function isReplaced(line: string, dns: RunAction['dns']): boolean {
  const [keyword] = line.trim().split(/\s+/);
  return (
    (keyword === 'nameserver' && dns.servers.length > 0) ||
    ((keyword === 'search' || keyword === 'domain') && dns.searches.length > 0) ||
    (keyword === 'options' && dns.options.length > 0)
  );
}
