import { Refusal } from '../failure.ts';

/** A limit as prlimit() takes it. */
export interface ResourceLimit {
  readonly name: string;
  readonly resource: number;
  readonly soft: bigint;
  readonly hard: bigint;
}

/** Resources by docker's `--ulimit` names. (setrlimit(2)) */
const resources: Readonly<Record<string, number>> = {
  cpu: 0,
  fsize: 1,
  data: 2,
  stack: 3,
  core: 4,
  rss: 5,
  nproc: 6,
  nofile: 7,
  memlock: 8,
  as: 9,
  locks: 10,
  sigpending: 11,
  msgqueue: 12,
  nice: 13,
  rtprio: 14,
  rttime: 15,
};

/** RLIM_INFINITY; what -1 stands for. */
const infinity = 2n ** 64n - 1n;

/**
 * The limits that a command gets: those asked for, and the open files that a login gives (1024, or fewer when the hard limit is lower),
 * because Node has raised its own and programs that close every possible descriptor become slow with many.
 */
export function resourceLimits(
  ulimits: readonly { readonly name: string; readonly soft: number; readonly hard: number }[],
  openFilesHard: bigint,
): readonly ResourceLimit[] {
  const asked = ulimits.map(({ name, soft, hard }) => ({
    name,
    resource: resourceOf(name),
    soft: amount(soft),
    hard: amount(hard),
  }));
  const openFiles = { name: 'nofile', resource: 7, soft: openFilesHard < 1024n ? openFilesHard : 1024n, hard: openFilesHard };
  return asked.some(({ resource }) => resource === openFiles.resource) ? asked : [openFiles, ...asked];
}

/** `struct rlimit64`. */
export function limitBytes({ soft, hard }: ResourceLimit): Uint8Array {
  const bytes = Buffer.alloc(16);
  bytes.writeBigUInt64LE(soft, 0);
  bytes.writeBigUInt64LE(hard, 8);
  return bytes;
}

function resourceOf(name: string): number {
  const resource = resources[name];
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
