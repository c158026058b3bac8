import type { RunAction, RunMount } from '../../executor/protocol/actions.ts';
import { UsageError } from '../errors.ts';
import { parseVolume } from '../mounts/volume.ts';
import type { BuildOptions } from '../options.ts';
import { buildArgsOf } from '../plan/plan-options.ts';

/** What the options say for every RUN. */
export type RunSettings = Pick<RunAction, 'hostname' | 'hosts' | 'dns' | 'ulimits' | 'shmSizeBytes'> & {
  readonly volumes: readonly Extract<RunMount, { kind: 'volume' }>[];
};

/** As docker and BuildKit have it. */
const defaultShmSizeBytes = 64 * 1024 * 1024;
const defaultHostname = 'buildkitsandbox';

/** Reads the options that shape a RUN's sandbox. Throws UsageError for one that cannot be read. */
export function runSettings(options: BuildOptions): RunSettings {
  return {
    hostname: hostnameOf(options),
    hosts: (options.addHosts ?? []).map(parseHost),
    dns: { servers: options.dns ?? [], searches: options.dnsSearch ?? [], options: options.dnsOptions ?? [] },
    ulimits: (options.ulimits ?? []).map(parseUlimit),
    shmSizeBytes: options.shmSizeBytes ?? defaultShmSizeBytes,
    volumes: (options.volumes ?? []).map((text) => parseVolume(text).mount),
  };
}

// As in BuildKit the argument wins over the option, and an empty one is none.
function hostnameOf(options: BuildOptions): string {
  const argument = buildArgsOf(options).get('BUILDKIT_SANDBOX_HOSTNAME') ?? '';
  return argument === '' ? (options.hostname ?? defaultHostname) : argument;
}

/**
 * `name:address` or `name=address`; IPv6 addresses may stand in brackets. `host-gateway` is this machine, whose network RUN shares: docker's
 * word for what is a gateway there.
 */
function parseHost(text: string): { readonly name: string; readonly address: string } {
  const match = /^([^:=\s]+)[:=]\[?([0-9a-fA-F.:]+|host-gateway)\]?$/.exec(text);
  const [, name, address] = match ?? [];
  if (name === undefined || address === undefined) {
    throw new UsageError('--add-host', `Cannot add host "${text}": expected NAME:ADDRESS`);
  }
  return { name, address: address === 'host-gateway' ? '127.0.0.1' : address };
}

/** `name=soft[:hard]`; -1 is unlimited. */
function parseUlimit(text: string): RunAction['ulimits'][number] {
  const match = /^([a-z]+)=(-1|\d+|unlimited)(?::(-1|\d+|unlimited))?$/.exec(text);
  const [, name, soft, hard = soft] = match ?? [];
  if (name === undefined || soft === undefined || hard === undefined) {
    throw new UsageError('--ulimit', `Cannot set limit "${text}": expected NAME=SOFT[:HARD]`, {
      hint: 'For example nofile=1024:2048',
    });
  }
  return { name, soft: limitOf(soft), hard: limitOf(hard) };
}

function limitOf(text: string): number {
  return text === 'unlimited' ? -1 : Number(text);
}
