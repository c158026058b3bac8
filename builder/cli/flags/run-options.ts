import { UsageError } from '../../contract/errors.ts';
import type { BuildOptions, RunLimits } from '../../contract/options.ts';
import { checkIsolation, isolations } from '../../settings/confinement/confinement-settings.ts';
import { parseEmulator } from '../../settings/emulator-spec.ts';
import type { ParsedFlags } from './parse-flags.ts';
import { parseSecret, parseSsh } from './secret-spec.ts';
import { parseCount, parseSize } from './size.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The options that say what RUN sees. @throws UsageError */
export function runOptions(parsed: ParsedFlags, environment: Environment): Partial<BuildOptions> {
  const network = networkOf(parsed.last('--network'));
  const shmSize = parsed.last('--shm-size');
  const hostname = parsed.last('--hostname');
  const cgroupParent = parsed.last('--cgroup-parent');
  const isolation = isolationOf(parsed.last('--isolation'));
  return {
    secrets: Object.fromEntries(parsed.all('--secret').map((text) => parseSecret(text, environment))),
    ssh: sshOf(parsed.all('--ssh')),
    allow: parsed.all('--allow').map(entitlementOf),
    addHosts: parsed.all('--add-host'),
    dns: parsed.all('--dns'),
    dnsSearch: parsed.all('--dns-search'),
    dnsOptions: parsed.all('--dns-option'),
    addCapabilities: parsed.list('--cap-add'),
    dropCapabilities: parsed.list('--cap-drop'),
    addGroups: parsed.list('--group-add'),
    securityOptions: parsed.all('--security-opt'),
    ulimits: parsed.all('--ulimit'),
    volumes: parsed.all('--volume'),
    devices: parsed.all('--device'),
    cdiSpecDirectories: parsed.all('--cdi-spec-dir'),
    emulators: Object.fromEntries(parsed.all('--emulator').map(parseEmulator)),
    ...(network !== undefined && { network }),
    ...(shmSize !== undefined && { shmSizeBytes: parseSize('--shm-size', shmSize) }),
    ...(hostname !== undefined && { hostname }),
    ...(isolation !== undefined && { isolation }),
    limits: limitsOf(parsed),
    ...(cgroupParent !== undefined && { cgroupParent }),
  };
}

/** 0, -1 and nothing are no limit, as in docker. */
function limitsOf(parsed: ParsedFlags): RunLimits {
  const given = <T>(flag: string, read: (flag: string, text: string) => T): T | undefined => {
    const text = parsed.last(flag) ?? '';
    return text === '' || /^(?:0+(?:\.0+)?|-1)$/.test(text) ? undefined : read(flag, text);
  };
  const swap = parsed.last('--memory-swap') === '-1' ? -1 : given('--memory-swap', parseSize);
  const limits = {
    pids: given('--pids-limit', parseOneOrMore),
    memoryBytes: given('--memory', parseSize),
    memorySwapBytes: swap,
    cpus: given('--cpus', parseProcessors),
    cpuQuotaMicroseconds: given('--cpu-quota', parseOneOrMore),
    cpuPeriodMicroseconds: given('--cpu-period', parseOneOrMore),
    cpuShares: given('--cpu-shares', parseOneOrMore),
    cpusetCpus: parsed.last('--cpuset-cpus') || undefined,
    cpusetMems: parsed.last('--cpuset-mems') || undefined,
  };
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
}

function parseOneOrMore(flag: string, text: string): number {
  return parseCount(flag, text, 1);
}

function parseProcessors(flag: string, text: string): number {
  const count = /^\d{1,6}(?:\.\d{1,6})?$/.test(text) ? Number(text) : Number.NaN;
  if (count > 0) return count;
  throw new UsageError(flag, `Cannot use ${flag} ${text}: expected a number such as 1.5`);
}

function isolationOf(text: string | undefined): BuildOptions['isolation'] {
  if (text === undefined || text === '') return undefined;
  checkIsolation(text, '--isolation');
  return isolations.find((known) => known === text);
}

const networks = ['default', 'none', 'host', 'pasta', 'slirp4netns'] as const;

function networkOf(text: string | undefined): BuildOptions['network'] {
  if (text === undefined || text === '') return undefined;
  const known = networks.find((name) => name === text);
  if (known !== undefined) return known;
  throw new UsageError('--network', `Cannot use --network ${text}: expected default, none, host, pasta or slirp4netns`, {
    hint: hintFor(text),
  });
}

function hintFor(text: string): string | undefined {
  if (/^(?:pasta|slirp4netns):/.test(text)) {
    return 'A network takes no options of its program: --dns and --add-host say what commands see, a proxy on loopback is let in by itself';
  }
  return /^(?:bridge|private)/.test(text)
    ? 'A network of its own, from which this machine cannot be reached, is --network pasta'
    : undefined;
}

function entitlementOf(text: string): NonNullable<BuildOptions['allow']>[number] {
  if (text === 'network.host' || text === 'security.insecure' || text === 'device') return text;
  if (text.startsWith('device=')) return `device=${text.slice('device='.length)}`;
  throw new UsageError('--allow', `Cannot allow "${text}": expected network.host, security.insecure or device[=NAME]`);
}

/** Of two agents with one id, one would be left out without a word. */
function sshOf(texts: readonly string[]): NonNullable<BuildOptions['ssh']> {
  const sources = texts.map(parseSsh);
  const ids = sources.map(([id]) => id);
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice !== undefined) throw new UsageError('--ssh', `Cannot use --ssh ${twice}: it is given more than once`);
  return Object.fromEntries(sources);
}
