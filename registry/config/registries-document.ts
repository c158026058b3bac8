import type { MirrorRule, RegistriesDocument, RegistryRule } from './registries-conf.ts';
import { parseToml, type TomlTable, type TomlValue } from './toml.ts';

/** Reads one file of the version 2 format. Keys of other programs are passed over. Throws SyntaxError. */
export function decodeRegistriesConf(text: string): RegistriesDocument {
  const root = parseToml(text);
  if (root['registries'] !== undefined) throw new SyntaxError('it is in the old version 1 format, with [registries.search]');
  const search = root['unqualified-search-registries'];
  const aliases = Object.entries(tableOf(root['aliases'] ?? {}, 'aliases'));
  return {
    rules: tablesOf(root['registry'], 'registry').map(ruleOf),
    search: search === undefined ? undefined : stringsOf(search, 'unqualified-search-registries'),
    aliases: new Map(aliases.map(([name, full]) => [name, stringOf(full, `aliases."${name}"`)])),
  };
}

function ruleOf(table: TomlTable): RegistryRule {
  const location = optionalString(table, 'location') ?? '';
  const prefix = optionalString(table, 'prefix') ?? location;
  if (prefix === '') throw new SyntaxError('a [[registry]] has neither prefix nor location');
  if (location === '' && !prefix.startsWith('*.')) throw new SyntaxError(`registry "${prefix}" has no location`);
  const pulls = flag(table, 'mirror-by-digest-only') ? 'digest-only' : undefined;
  return {
    prefix: trimmed(prefix),
    location: trimmed(location),
    isInsecure: flag(table, 'insecure'),
    isBlocked: flag(table, 'blocked'),
    mirrors: tablesOf(table['mirror'], 'registry.mirror').map((mirror) => mirrorOf(mirror, pulls)),
  };
}

function mirrorOf(table: TomlTable, pulls: MirrorRule['pulls'] | undefined): MirrorRule {
  const location = optionalString(table, 'location');
  if (location === undefined || location === '') throw new SyntaxError('a [[registry.mirror]] has no location');
  const own = optionalString(table, 'pull-from-mirror') ?? 'all';
  if (own !== 'all' && own !== 'digest-only' && own !== 'tag-only')
    throw new SyntaxError(`"${own}" is no value of pull-from-mirror`);
  return { location: trimmed(location), isInsecure: flag(table, 'insecure'), pulls: pulls ?? own };
}

function trimmed(name: string): string {
  if (/^[a-z]+:\/\//.test(name)) throw new SyntaxError(`"${name}" starts with a scheme; it should be host[:port][/path]`);
  return name.replace(/\/+$/, '');
}

function tableOf(value: TomlValue, name: string): TomlTable {
  if (typeof value === 'object' && !isArray(value)) return value;
  throw new SyntaxError(`"${name}" is not a table`);
}

function tablesOf(value: TomlValue | undefined, name: string): readonly TomlTable[] {
  if (value === undefined) return [];
  if (!isArray(value)) throw new SyntaxError(`"${name}" is not an array of tables; write [[${name}]]`);
  return value.map((entry) => tableOf(entry, name));
}

function stringsOf(value: TomlValue, name: string): readonly string[] {
  if (!isArray(value)) throw new SyntaxError(`"${name}" is not an array`);
  return value.map((entry) => stringOf(entry, name));
}

function isArray(value: TomlValue): value is readonly TomlValue[] {
  return Array.isArray(value);
}

function stringOf(value: TomlValue, name: string): string {
  if (typeof value === 'string') return value;
  throw new SyntaxError(`"${name}" is not a string`);
}

function optionalString(table: TomlTable, name: string): string | undefined {
  const value = table[name];
  return value === undefined ? undefined : stringOf(value, name);
}

function flag(table: TomlTable, name: string): boolean {
  const value = table[name] ?? false;
  if (typeof value === 'boolean') return value;
  throw new SyntaxError(`"${name}" is neither true nor false`);
}
