import { parse, TomlError } from 'smol-toml';
import { canonicalHost, comparedHost, withHost } from '../address/host-name.ts';
import { trimEnd } from '../oci/text/trim-end.ts';

/** Another place that has the same images. */
export interface MirrorRule {
  readonly location: string;
  readonly isInsecure: boolean;
  /** For which references it is asked. */
  readonly pulls: 'all' | 'digest-only' | 'tag-only';
}

/** One `[[registry]]`. */
export interface RegistryRule {
  /** What references start with: `host/name`, or `*.host`. The host is in the form of `comparedHost`. */
  readonly prefix: string;
  /** What stands for the prefix when images are fetched; empty for wildcards without one. */
  readonly location: string;
  readonly isInsecure: boolean;
  readonly isBlocked: boolean;
  readonly mirrors: readonly MirrorRule[];
}

/** What one file says; `search` is undefined when the file is silent about it. */
export interface RegistriesDocument {
  readonly rules: readonly RegistryRule[];
  readonly search: readonly string[] | undefined;
  readonly aliases: ReadonlyMap<string, string>;
}

type Table = Readonly<Record<string, unknown>>;

/** Reads one file of the version 2 format (containers-registries.conf(5)). Keys of other programs are passed over. @throws SyntaxError */
export function decodeRegistriesConf(text: string): RegistriesDocument {
  const root = parseDocument(text);
  if (root['registries'] !== undefined) throw new SyntaxError('it is in the old version 1 format, with [registries.search]');
  const search = root['unqualified-search-registries'];
  const aliases = Object.entries(tableOf(root['aliases'] ?? {}, 'aliases'));
  return {
    rules: tablesOf(root['registry'], 'registry').map(ruleOf),
    search: search === undefined ? undefined : stringsOf(search, 'unqualified-search-registries'),
    aliases: new Map(aliases.map(([name, full]) => [name, stringOf(full, `aliases."${name}"`)])),
  };
}

function parseDocument(text: string): Table {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // The rest of the message shows the line, which may hold a password.
    const [reason = ''] = error.message.replace('Invalid TOML document: ', '').split('\n');
    throw new SyntaxError(`line ${error.line}: ${reason}`);
  }
}

function ruleOf(table: Table): RegistryRule {
  const location = optionalString(table, 'location') ?? '';
  const prefix = optionalString(table, 'prefix') ?? location;
  if (prefix === '') throw new SyntaxError('a [[registry]] has neither prefix nor location');
  if (location === '' && !prefix.startsWith('*.')) throw new SyntaxError(`registry "${prefix}" has no location`);
  const pulls = flag(table, 'mirror-by-digest-only') ? 'digest-only' : undefined;
  return {
    prefix: withHost(trimmed(prefix), comparedHost),
    location: withHost(trimmed(location), canonicalHost),
    isInsecure: flag(table, 'insecure'),
    isBlocked: flag(table, 'blocked'),
    mirrors: tablesOf(table['mirror'], 'registry.mirror').map((mirror) => mirrorOf(mirror, pulls)),
  };
}

function mirrorOf(table: Table, pulls: MirrorRule['pulls'] | undefined): MirrorRule {
  const location = optionalString(table, 'location');
  if (location === undefined || location === '') throw new SyntaxError('a [[registry.mirror]] has no location');
  const own = optionalString(table, 'pull-from-mirror') ?? 'all';
  if (own !== 'all' && own !== 'digest-only' && own !== 'tag-only') {
    throw new SyntaxError(`"${own}" is no value of pull-from-mirror`);
  }
  return { location: withHost(trimmed(location), canonicalHost), isInsecure: flag(table, 'insecure'), pulls: pulls ?? own };
}

function trimmed(name: string): string {
  if (/^[a-z]+:\/\//.test(name)) throw new SyntaxError(`"${name}" starts with a scheme; it should be host[:port][/path]`);
  return trimEnd(name, '/');
}

function tableOf(value: unknown, name: string): Table {
  if (isTable(value)) return value;
  throw new SyntaxError(`"${name}" is not a table`);
}

function tablesOf(value: unknown, name: string): readonly Table[] {
  if (value === undefined) return [];
  if (!isArray(value)) throw new SyntaxError(`"${name}" is not an array of tables; write [[${name}]]`);
  return value.map((entry) => tableOf(entry, name));
}

function stringsOf(value: unknown, name: string): readonly string[] {
  if (!isArray(value)) throw new SyntaxError(`"${name}" is not an array`);
  return value.map((entry) => stringOf(entry, name));
}

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !isArray(value) && !(value instanceof Date);
}

function isArray(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

function stringOf(value: unknown, name: string): string {
  if (typeof value === 'string') return value;
  throw new SyntaxError(`"${name}" is not a string`);
}

function optionalString(table: Table, name: string): string | undefined {
  const value = table[name];
  return value === undefined ? undefined : stringOf(value, name);
}

function flag(table: Table, name: string): boolean {
  const value = table[name] ?? false;
  if (typeof value === 'boolean') return value;
  throw new SyntaxError(`"${name}" is neither true nor false`);
}
