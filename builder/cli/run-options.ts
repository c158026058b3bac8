import { isIP } from 'node:net';
import { UsageError } from '../errors.ts';
import { parseVolume } from '../mounts/volume.ts';
import type { BuildOptions } from '../options.ts';
import { parseEmulator } from './emulator-spec.ts';
import type { ParsedFlags } from './parse-flags.ts';
import { parseSecret, parseSsh } from './secret-spec.ts';
import { parseSize } from './size.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The options that say what RUN sees. @throws UsageError */
export function runOptions(parsed: ParsedFlags, environment: Environment): Partial<BuildOptions> {
  const network = networkOf(parsed.last('--network'));
  const shmSize = parsed.last('--shm-size');
  const hostname = parsed.last('--hostname');
  return {
    secrets: Object.fromEntries(parsed.all('--secret').map((text) => parseSecret(text, environment))),
    ssh: sshOf(parsed.all('--ssh')),
    allow: parsed.all('--allow').map(entitlementOf),
    addHosts: parsed.all('--add-host').map(hostOf),
    dns: parsed.all('--dns').map(nameServerOf),
    dnsSearch: parsed.all('--dns-search'),
    dnsOptions: parsed.all('--dns-option'),
    ulimits: parsed.all('--ulimit').map(ulimitOf),
    volumes: parsed.all('--volume').map(volumeOf),
    devices: parsed.all('--device'),
    cdiSpecDirectories: parsed.all('--cdi-spec-dir'),
    emulators: Object.fromEntries(parsed.all('--emulator').map(parseEmulator)),
    ...(network !== undefined && { network }),
    ...(shmSize !== undefined && { shmSizeBytes: parseSize('--shm-size', shmSize) }),
    ...(hostname !== undefined && { hostname: hostnameOf(hostname) }),
  };
}

function networkOf(text: string | undefined): 'default' | 'none' | 'host' | undefined {
  if (text === undefined || text === '') return undefined;
  if (text === 'default' || text === 'none' || text === 'host') return text;
  const hint = /^(bridge|pasta|slirp4netns|private)/.test(text)
    ? 'RUN has no network of its own; "default" is the one of this machine'
    : undefined;
  throw new UsageError('--network', `Cannot use --network ${text}: expected default, none or host`, { hint });
}

function entitlementOf(text: string): NonNullable<BuildOptions['allow']>[number] {
  if (text === 'network.host' || text === 'security.insecure' || text === 'device') return text;
  if (text.startsWith('device=')) return `device=${text.slice('device='.length)}`;
  throw new UsageError('--allow', `Cannot allow "${text}": expected network.host, security.insecure or device[=NAME]`);
}

// docker writes name:ip, its newer spelling is name=ip; addresses may stand in brackets.
function hostOf(text: string): string {
  const match = /^([^:=\s]+)[:=]\[?([^\]\s]+)\]?$/.exec(text);
  const address = match?.[2];
  if (match === null || address === undefined || (isIP(address) === 0 && address !== 'host-gateway')) {
    throw new UsageError('--add-host', `Cannot use --add-host ${text}: expected NAME:ADDRESS`);
  }
  return `${match[1]}:${address}`;
}

function nameServerOf(text: string): string {
  if (isIP(text) === 0) throw new UsageError('--dns', `Cannot use --dns ${text}: expected an IP address`);
  return text;
}

/** Of two agents with one id, one would be left out without a word. */
function sshOf(texts: readonly string[]): NonNullable<BuildOptions['ssh']> {
  const sources = texts.map(parseSsh);
  const ids = sources.map(([id]) => id);
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice !== undefined) throw new UsageError('--ssh', `Cannot use --ssh ${twice}: it is given more than once`);
  return Object.fromEntries(sources);
}

function ulimitOf(text: string): string {
  if (/^[a-z]+=(-1|\d+|unlimited)(:(-1|\d+|unlimited))?$/.test(text)) return text;
  throw new UsageError('--ulimit', `Cannot use --ulimit ${text}: expected NAME=SOFT[:HARD]`);
}

function volumeOf(text: string): string {
  parseVolume(text);
  return text;
}

function hostnameOf(text: string): string {
  if (/^[A-Za-z0-9]([A-Za-z0-9.-]{0,62})$/.test(text)) return text;
  throw new UsageError('--hostname', `Cannot use --hostname ${text}: expected at most 63 letters, digits, dots and hyphens`);
}
