import { ownValue } from '../../../../registry/oci/own-value.ts';
import { limitNames } from '../../../protocol/limit-names.ts';
import { Refusal } from '../../request/failure.ts';

/** A limit as prlimit() takes it. */
export interface ResourceLimit {
  readonly name: string;
  readonly resource: number;
  readonly soft: bigint;
  readonly hard: bigint;
}

/** Resources by docker's `--ulimit` names. */
const resources: Readonly<Record<string, number>> = Object.fromEntries(limitNames.map((name, resource) => [name, resource]));

/** RLIM_INFINITY; what -1 stands for. */
const infinity = 2n ** 64n - 1n;

/** How many kinds of limits there are. */
export const limitKinds: number = limitNames.length;

/**
 * What a command gets where nothing else was asked for: what the kernel gives the first process, whoever starts the build. `soft` is below
 * `hard` where programs take the one for a hint. No core files: a command that dies would leave what it had in memory, secrets too, in the layer.
 * Open files are those of a login (1024, and systemd's hard limit), because Node has raised its own and programs that close every possible
 * descriptor become slow with many. The numbers of processes and of signals follow from the machine, so all that there are.
 */
const usual: Readonly<Record<string, readonly [soft: bigint, hard: bigint]>> = {
  stack: [8n << 20n, infinity],
  core: [0n, 0n],
  nofile: [1024n, 524_288n],
  memlock: [8n << 20n, 8n << 20n],
  msgqueue: [819_200n, 819_200n],
  nice: [0n, 0n],
  rtprio: [0n, 0n],
};

/**
 * The limits that a command gets, of every kind. `hardLimits` are the caller's by resource: only a privileged process can raise them, so where they
 * are lower than the usual ones they stay.
 */
export function resourceLimits(
  ulimits: readonly { readonly name: string; readonly soft: number; readonly hard: number }[],
  hardLimits: readonly bigint[],
): readonly ResourceLimit[] {
  const asked = new Map(ulimits.map(({ name, soft, hard }) => [resourceOf(name), { soft: amount(soft), hard: amount(hard) }]));
  return Object.entries(resources).map(([name, resource]) => {
    const [soft, hard] = usual[name] ?? [infinity, infinity];
    const possible = hardLimits[resource] ?? infinity;
    return { name, resource, ...(asked.get(resource) ?? { soft: lower(soft, possible), hard: lower(hard, possible) }) };
  });
}

function lower(left: bigint, right: bigint): bigint {
  return left < right ? left : right;
}

/** `struct rlimit64`. */
export function limitBytes({ soft, hard }: ResourceLimit): Uint8Array {
  const bytes = Buffer.alloc(16);
  bytes.writeBigUInt64LE(soft, 0);
  bytes.writeBigUInt64LE(hard, 8);
  return bytes;
}

function resourceOf(name: string): number {
  const resource = ownValue(resources, name);
  if (resource === undefined) {
    throw new Refusal(
      'not-supported',
      `Cannot set the limit "${name}": there is no such limit`,
      `Limits: ${Object.keys(resources).join(', ')}`,
    );
  }
  return resource;
}

function amount(value: number): bigint {
  return value < 0 ? infinity : BigInt(value);
}
