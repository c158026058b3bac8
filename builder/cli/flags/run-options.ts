import { UsageError } from '../../contract/errors.ts';
import type { BuildOptions } from '../../contract/options.ts';
import { checkIsolation, isolations } from '../../settings/confinement/confinement-settings.ts';
import { parseEmulator } from '../../settings/emulator-spec.ts';
import type { ParsedFlags } from './parse-flags.ts';
import { parseSecret, parseSsh } from './secret-spec.ts';
import { parseSize } from './size.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The options that say what RUN sees. @throws UsageError */
export function runOptions(parsed: ParsedFlags, environment: Environment): Partial<BuildOptions> {
  const network = networkOf(parsed.last('--network'));
  const shmSize = parsed.last('--shm-size');
  const hostname = parsed.last('--hostname');
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
  };
}

function isolationOf(text: string | undefined): BuildOptions['isolation'] {
  if (text === undefined || text === '') return undefined;
  checkIsolation(text, '--isolation');
  return isolations.find((known) => known === text);
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

/** Of two agents with one id, one would be left out without a word. */
function sshOf(texts: readonly string[]): NonNullable<BuildOptions['ssh']> {
  const sources = texts.map(parseSsh);
  const ids = sources.map(([id]) => id);
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice !== undefined) throw new UsageError('--ssh', `Cannot use --ssh ${twice}: it is given more than once`);
  return Object.fromEntries(sources);
}
