import { Refusal } from '../request/failure.ts';

/** The network that this worker has joined, for the commands that are `private`. */
export interface PrivateNetwork {
  /** Of the program that carries its packets. */
  readonly name: string;
  /** The addresses of name servers that cannot be reached there, and what stands for them. */
  readonly standIns: ReadonlyMap<string, string>;
  /** The address that stands for this machine. */
  readonly gateway: string | undefined;
  /** How its program ended; undefined while it runs. */
  readonly end: () => string | undefined;
}

let joined: PrivateNetwork | undefined;

/** Remembers the network for all commands of this worker. */
export function setPrivateNetwork(network: PrivateNetwork): void {
  joined = network;
}

/** The network of a command that is `private`. @throws Refusal `machine` when its program has ended */
export function privateNetwork(): PrivateNetwork {
  if (joined === undefined) throw new Error('The worker was asked for a command in a network that it has not joined');
  const end = joined.end();
  if (end === undefined) return joined;
  throw new Refusal('machine', `Cannot run the command: ${joined.name}, which carries its network, ${end}`, 'Build again');
}
