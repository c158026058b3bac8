/** One word of EXPOSE. */
export interface PortRange {
  readonly from: number;
  readonly to: number;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  /** As written, for ExposeProtoCasing. */
  readonly protocolText: string;
  /** `127.0.0.1:80:80` or `80:80`: the address and the host's port have no meaning in EXPOSE. */
  readonly hasHostPart: boolean;
}

/** Why a word is no port. */
export interface PortError {
  readonly reason: string;
}

/** Reads `[address:][host port:]port[-port][/protocol]`. */
export function parsePort(text: string): PortRange | PortError {
  const { address, hostPort, containerPort } = splitParts(text);
  const slash = containerPort.indexOf('/');
  const ports = slash === -1 ? containerPort : containerPort.slice(0, slash);
  const protocolText = slash === -1 ? '' : containerPort.slice(slash + 1);
  const protocol = protocolText === '' ? 'tcp' : protocolText.toLowerCase();
  if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'sctp') {
    return { reason: `"${protocolText}" is not tcp, udp or sctp` };
  }
  const range = parseRange(ports);
  if ('reason' in range) return range;
  const hostReason = checkHostPart(address, hostPort, range);
  if (hostReason !== undefined) {
    return { reason: hostReason };
  }
  const { from, to } = range;
  return { from, to, protocol, protocolText, hasHostPart: address !== '' || hostPort !== '' };
}

/** All ports of a word as the image configuration names them: `8000/tcp`, `8001/tcp`. */
export function expandPorts(text: string): { readonly ports: readonly string[] } | PortError {
  const range = parsePort(text);
  if ('reason' in range) return range;
  const ports: string[] = [];
  for (let port = range.from; port <= range.to; port++) {
    ports.push(`${port}/${range.protocol}`);
  }
  return { ports };
}

function splitParts(text: string): { address: string; hostPort: string; containerPort: string } {
  if (!text.includes(':')) {
    return { address: '', hostPort: '', containerPort: text };
  }
  const parts = text.split(':');
  const containerPort = parts.at(-1) ?? '';
  return { address: parts.slice(0, -2).join(':'), hostPort: parts.length > 1 ? (parts.at(-2) ?? '') : '', containerPort };
}

interface Ports {
  readonly from: number;
  readonly to: number;
}

function parseRange(text: string): Ports | PortError {
  if (text === '') {
    return { reason: 'the port is missing' };
  }
  const dash = text.indexOf('-');
  const from = parseNumber(dash === -1 ? text : text.slice(0, dash));
  const to = dash === -1 ? from : parseNumber(text.slice(dash + 1));
  if (from === undefined || to === undefined) {
    return { reason: 'a port is a number from 0 to 65535' };
  }
  return to < from ? { reason: 'the range ends before it starts' } : { from, to };
}

function parseNumber(text: string): number | undefined {
  const value = /^\+?\d{1,15}$/.test(text) ? Number(text) : -1;
  return value >= 0 && value <= 65_535 ? value : undefined;
}

function checkHostPart(address: string, hostPort: string, range: Ports): string | undefined {
  const plain = address.startsWith('[') && address.endsWith(']') ? address.slice(1, -1) : address;
  if (address !== '' && !isAddress(plain)) {
    return `"${address}" is not an IP address`;
  }
  if (hostPort === '') return undefined;
  const host = parseRange(hostPort);
  if ('reason' in host) return host.reason;
  const isSameLength = host.to - host.from === range.to - range.from;
  return isSameLength || range.from === range.to ? undefined : 'the two ranges differ in length';
}

function isAddress(text: string): boolean {
  if (/^\d{1,3}(?:\.\d{1,3}){3}$/.test(text)) return text.split('.').every((part) => Number(part) <= 255);
  return text.includes(':') && /^[0-9A-Fa-f:.]{2,45}$/.test(text);
}
