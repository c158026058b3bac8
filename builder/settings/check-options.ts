import { storageKinds } from '../../executor/protocol/storage.ts';
import { layoutNumbered } from '../contract/layouts.ts';
import type { BuildOptions, RunLimits } from '../contract/options.ts';
import { platformOf } from '../contract/platforms.ts';
import { byKind, listOf, membersOf, objectOf, optional, recordOf, refuseStrangers } from './collections.ts';
import { checkCapability } from './confinement/capability-changes.ts';
import { checkGroupPath, checkNumberList } from './confinement/command-limits.ts';
import { checkGroup, checkIsolation } from './confinement/confinement-settings.ts';
import { parseSecurityOption } from './confinement/security-options.ts';
import { parseDeviceFlag } from './device-flag.ts';
import { parseEmulator } from './emulator-spec.ts';
import { imageNames, outputs } from './output-rules.ts';
import { type OptionPlace, type Rule, wrongKind } from './rule.ts';
import { checkHostname, checkNameServer, parseHost, parseUlimit, sandboxHostname } from './run-values.ts';
import {
  boolean,
  callback,
  matching,
  name,
  parsedBy,
  someText,
  text,
  variableName,
  wholeNumber,
  withMethod,
  word,
} from './values.ts';
import { parseVolumeOption } from './volume.ts';

/** An option: where it stands on the command line, and what it may be. */
interface OptionRule {
  /** undefined: only programs have it. */
  readonly flag: string | undefined;
  readonly rule: Rule;
}

const texts = listOf(text);
const paths = listOf(someText);
const names = listOf(name);
const onOneLine = listOf(matching(/^[^\p{Cc}]+$/u, 'text without control characters'));
const sourceOfSecret = byKind({ file: { path: someText }, env: { name: variableName } });
const entitlement = /^(?:network\.host|security\.insecure|device(?:=[^\p{Cc}]+)?)$/u;
const rawSocket = objectOf({ rawSocket: someText });

const limitRules: { readonly [Limit in keyof Required<RunLimits>]: Rule } = {
  pids: optional(wholeNumber(1)),
  memoryBytes: optional(wholeNumber(1)),
  memorySwapBytes: optional(wholeNumber(-1)),
  cpus: optional(positive),
  cpuQuotaMicroseconds: optional(wholeNumber(1000)),
  cpuPeriodMicroseconds: optional(wholeNumber(1000)),
  cpuShares: optional(wholeNumber(2)),
  cpusetCpus: optional(checkedBy(checkNumberList)),
  cpusetMems: optional(checkedBy(checkNumberList)),
};

const optionRules: { readonly [Option in keyof Required<BuildOptions>]: OptionRule } = {
  context: { flag: 'CONTEXT', rule: text },
  files: given('--file', texts),
  text: given(undefined, anyText),
  target: given('--target', text),
  buildArgs: given('--build-arg', buildArgs),
  labels: given('--label', recordOf(name, text)),
  annotations: given('--annotation', recordOf(name, text)),
  unsetLabels: given('--unsetlabel', names),
  env: given('--env', recordOf(variableName, text)),
  unsetEnv: given('--unsetenv', names),
  tags: given('--tag', imageNames),
  platforms: given('--platform', listOf(parsedBy(platformOf))),
  outputs: given('--output', outputs),
  format: given('--format', word('oci', 'docker')),
  buildContexts: given('--build-context', recordOf(name, someText)),
  ignoreFile: given('--ignorefile', someText),
  noCache: given('--no-cache', booleanOrNames),
  pull: given('--pull', word('missing', 'always', 'never', 'newer')),
  secrets: given('--secret', recordOf(name, sourceOfSecret)),
  ssh: given('--ssh', recordOf(name, sourceOfSsh)),
  network: given('--network', word('default', 'none', 'host', 'pasta', 'slirp4netns')),
  allow: given('--allow', listOf(matching(entitlement, 'network.host, security.insecure or device[=NAME]'))),
  addHosts: given('--add-host', listOf(parsedBy(parseHost))),
  dns: given('--dns', listOf(parsedBy(checkNameServer))),
  dnsSearch: given('--dns-search', onOneLine),
  dnsOptions: given('--dns-option', onOneLine),
  addCapabilities: given('--cap-add', listOf(checkedBy(checkCapability))),
  dropCapabilities: given('--cap-drop', listOf(checkedBy(checkCapability))),
  addGroups: given('--group-add', listOf(checkedBy(checkGroup))),
  securityOptions: given('--security-opt', listOf(parsedBy(parseSecurityOption))),
  isolation: given('--isolation', checkedBy(checkIsolation)),
  ulimits: given('--ulimit', listOf(parsedBy(parseUlimit))),
  limits: given('--memory', objectOf(limitRules)),
  cgroupParent: given('--cgroup-parent', checkedBy(checkGroupPath)),
  shmSizeBytes: given('--shm-size', wholeNumber(0)),
  hostname: given('--hostname', parsedBy(checkHostname)),
  volumes: given('--volume', listOf(parsedBy(parseVolumeOption))),
  devices: given('--device', listOf(device)),
  cdiSpecDirectories: given('--cdi-spec-dir', paths),
  emulators: given('--emulator', emulators),
  squash: given('--squash', word('new', 'all')),
  from: given('--from', text),
  sourceDateEpoch: given('--source-date-epoch', wholeNumber(0)),
  layout: given('--layout', layout),
  timestamp: given('--timestamp', timestamp),
  jobs: given('--jobs', wholeNumber(1)),
  runJobs: given('--run-jobs', wholeNumber(0)),
  explain: given('--explain', boolean),
  store: given('--store', someText),
  storage: given('--storage', word(...storageKinds)),
  storeOwner: given('--store-owner', word('self', 'any')),
  authFile: given('--authfile', text),
  certDirectory: given('--cert-dir', text),
  tlsVerify: given('--tls-verify', boolean),
  environment: given(undefined, recordOf(anyText, optional(text))),
  stdin: given(undefined, withMethod(Symbol.asyncIterator, 'something to read from')),
  stdout: given(undefined, withMethod('write', 'a stream to write to')),
  signal: given(undefined, withMethod('throwIfAborted', 'an AbortSignal')),
  onEvent: given(undefined, callback),
};

const rules = Object.fromEntries(Object.entries(optionRules).map(([option, { rule }]) => [option, rule]));

/**
 * Looks at all options before any of them is used: programs can give what no type lets through, and a command line what its flags do not
 * look at.
 *
 * @throws UsageError, which names the option or its flag
 */
export function checkOptions(options: unknown): void {
  const all: OptionPlace = { option: '', flag: 'options' };
  const values = membersOf(options, all);
  refuseStrangers(values, rules, all);
  for (const [option, { flag = option, rule }] of Object.entries(optionRules)) rule(values[option], { option, flag });
}

function given(flag: string | undefined, rule: Rule): OptionRule {
  return { flag, rule: optional(rule) };
}

/** The text of a file, whatever is in it. */
function anyText(value: unknown, place: OptionPlace): void {
  if (typeof value !== 'string') throw wrongKind(value, place, 'text');
}

function buildArgs(value: unknown, place: OptionPlace): void {
  recordOf(variableName, optional(text))(value, place);
  const { [sandboxHostname]: hostname = '' } = membersOf(value, place);
  if (typeof hostname === 'string' && hostname !== '') checkHostname(hostname, `${place.flag} ${sandboxHostname}`);
}

/** A text that `check` accepts, which is told the flag. */
function checkedBy(check: (text: string, flag: string) => void): Rule {
  return (value, place) => {
    text(value, place);
    check(value, place.flag);
  };
}

function booleanOrNames(value: unknown, place: OptionPlace): void {
  if (typeof value !== 'boolean') names(value, place);
}

function sourceOfSsh(value: unknown, place: OptionPlace): void {
  if (Array.isArray(value)) paths(value, place);
  else rawSocket(value, place);
}

function device(value: unknown, place: OptionPlace): void {
  someText(value, place);
  parseDeviceFlag(value);
}

function emulators(value: unknown, place: OptionPlace): void {
  recordOf(text, someText)(value, place);
  for (const [processor, path] of Object.entries(membersOf(value, place))) {
    someText(path, place);
    parseEmulator(processor === '' ? path : `${processor}=${path}`);
  }
}

function layout(value: unknown, place: OptionPlace): void {
  if (typeof value !== 'number') throw wrongKind(value, place, 'a number');
  layoutNumbered(value, place.flag);
}

function positive(value: unknown, place: OptionPlace): void {
  if (typeof value === 'number' && value > 0 && Number.isFinite(value)) return;
  throw wrongKind(value, place, 'a number above 0');
}

function timestamp(value: unknown, place: OptionPlace): void {
  if (value !== 'now') wholeNumber(0)(value, place);
}
