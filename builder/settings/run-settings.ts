import type { RunAction } from '../../executor/protocol/actions.ts';
import type { CommandLimits } from '../../executor/protocol/command-limits.ts';
import type { BuildOptions } from '../contract/options.ts';
import { buildArgsOf } from './build-arguments.ts';
import { commandLimits } from './confinement/command-limits.ts';
import { type ConfinementSettings, confinementSettings } from './confinement/confinement-settings.ts';
import { type DeviceFlag, parseDeviceFlag } from './device-flag.ts';
import { type DeviceGrants, deviceGrants } from './device-grants.ts';
import { checkHostname, parseHost, parseUlimit, sandboxHostname } from './run-values.ts';
import { parseVolumeOption, type Volume } from './volume.ts';

/** What a RUN may ask for beyond the sandbox; devices are looked at when they are found. */
export type Entitlement = 'network.host' | 'security.insecure';

/** What the options say for every RUN. */
export type RunSettings = Pick<RunAction, 'hostname' | 'hosts' | 'dns' | 'ulimits' | 'shmSizeBytes'> & {
  readonly volumes: readonly Volume[];
  readonly devices: readonly DeviceFlag[];
  readonly grants: DeviceGrants;
  readonly confinement: ConfinementSettings;
  readonly additionalGroups: readonly string[];
  readonly limits: CommandLimits | undefined;
  readonly entitlements: ReadonlySet<Entitlement>;
};

/** As docker and BuildKit have it. */
const defaultShmSizeBytes = 64 * 1024 * 1024;
const defaultHostname = 'buildkitsandbox';

/** Reads the options that shape a RUN's sandbox. @throws UsageError for one that cannot be read */
export function runSettings(options: BuildOptions): RunSettings {
  return {
    hostname: hostnameOf(options),
    hosts: (options.addHosts ?? []).map(parseHost),
    dns: { servers: options.dns ?? [], searches: options.dnsSearch ?? [], options: options.dnsOptions ?? [] },
    ulimits: (options.ulimits ?? []).map(parseUlimit),
    shmSizeBytes: options.shmSizeBytes ?? defaultShmSizeBytes,
    volumes: (options.volumes ?? []).map(parseVolumeOption),
    devices: (options.devices ?? []).map(parseDeviceFlag),
    grants: deviceGrants(options),
    confinement: confinementSettings(options),
    additionalGroups: options.addGroups ?? [],
    limits: commandLimits(options),
    entitlements: new Set(options.allow?.filter((name) => name === 'network.host' || name === 'security.insecure')),
  };
}

// As in BuildKit the argument wins over the option, and an empty one is none.
function hostnameOf(options: BuildOptions): string {
  const argument = buildArgsOf(options).get(sandboxHostname) ?? '';
  if (argument === '') return options.hostname ?? defaultHostname;
  checkHostname(argument, `--build-arg ${sandboxHostname}`);
  return argument;
}
