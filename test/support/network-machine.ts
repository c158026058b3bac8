import { fileURLToPath } from 'node:url';
import type { Outcome } from './outcome.ts';
import { programCommand, type Sandbox } from './sandbox.ts';

/** The port of all services of the machine. */
export const servicePort = 8077;
/** An address of the machine that is no loopback's and that no other network has for itself. */
export const outsideAddress = '10.88.0.1';

/** How the machine differs from the usual one. */
export interface NetworkMachine {
  /** Nothing is connected to it. */
  readonly isOffline?: boolean;
  /** Shell commands, as root, before the program starts. */
  readonly prepare?: string;
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

const online = [
  'ip link add outer type veth peer name inner',
  'ip addr add 10.77.0.2/24 dev outer',
  'ip link set inner up',
  'ip link set outer up',
  'ip route add default via 10.77.0.1',
];

/**
 * Runs the program as the sandbox's user on a machine whose network is its own: services on the loopback, on an address of the network that it is
 * connected to and on another one, and a resolver on 127.0.0.53. Needs root.
 */
export function tsbuildOnMachine(box: Sandbox, machine: NetworkMachine, ...args: readonly string[]): Outcome {
  const { isOffline = false, prepare = ':', environment = {} } = machine;
  const { uid, gid } = box.user;
  const services = fileURLToPath(new URL('./network-services.js', import.meta.url));
  const addresses = ['127.0.0.1', ...(isOffline ? [] : ['10.77.0.2']), outsideAddress];
  box.file('resolv.conf', 'nameserver 127.0.0.53\nsearch example.test\n');
  const script = [
    'ip link set lo up',
    `ip addr add ${outsideAddress}/32 dev lo`,
    ...(isOffline ? [] : online),
    `mount --bind ${box.at('resolv.conf')} "$(readlink -f /etc/resolv.conf)"`,
    'rm -f ready',
    `${process.execPath} ${services} ${box.at('ready')} ${servicePort} ${addresses.join(' ')} &`,
    'services=$!',
    "trap 'kill $services' EXIT",
    'until [ -e ready ]; do sleep 0.02; done',
    prepare,
    `setpriv --reuid=${uid} --regid=${gid} --clear-groups "$@"`,
  ];
  const command = ['unshare', '--net', '--mount', '--propagation', 'private', 'sh', '-ec', script.join('\n'), 'sh'];
  return box.run([...command, ...programCommand(), ...args], { staysRoot: true, environment });
}
