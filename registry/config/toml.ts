import { TomlReader } from './toml-reader.ts';

/** A value of a TOML document. Numbers are kept as numbers; dates do not occur in what is read here and are refused. */
export type TomlValue = string | number | boolean | readonly TomlValue[] | TomlTable;
export interface TomlTable {
  readonly [key: string]: TomlValue;
}

interface OpenTable {
  [key: string]: TomlValue | OpenTable | OpenTable[];
}

/**
 * Reads TOML 1.0 without dates: tables, arrays of tables, dotted and quoted keys, all kinds of strings, numbers, booleans, arrays, inline tables.
 * Throws SyntaxError that names the line.
 */
export function parseToml(text: string): TomlTable {
  const reader = new TomlReader(text);
  const root = emptyTable();
  let table = root;
  for (reader.skipBlank(); !reader.isAtEnd(); reader.skipBlank()) {
    if (reader.take('[[')) table = openArray(reader, root);
    else if (reader.take('[')) table = openTable(reader, root);
    else readPair(reader, table);
    reader.endLine();
  }
  return root;
}

/** Without a prototype, so that a key named `__proto__` is a key like others. */
function emptyTable(): OpenTable {
  return Object.create(null);
}

function openTable(reader: TomlReader, root: OpenTable): OpenTable {
  const keys = reader.readKey();
  reader.expect(']');
  return descend(reader, root, keys);
}

function openArray(reader: TomlReader, root: OpenTable): OpenTable {
  const keys = reader.readKey();
  reader.expect(']]');
  const parent = descend(reader, root, keys.slice(0, -1));
  const name = keys.at(-1) ?? '';
  const known = parent[name] ?? [];
  if (!Array.isArray(known)) throw reader.error(`"${name}" is not an array of tables`);
  const table = emptyTable();
  parent[name] = [...known, table];
  return table;
}

function descend(reader: TomlReader, root: OpenTable, keys: readonly string[]): OpenTable {
  return keys.reduce((table, key) => {
    const next = table[key];
    const inner = Array.isArray(next) ? next.at(-1) : next;
    if (inner === undefined) {
      const made = emptyTable();
      table[key] = made;
      return made;
    }
    if (!isTable(inner)) throw reader.error(`"${key}" is not a table`);
    return inner;
  }, root);
}

function isTable(value: unknown): value is OpenTable {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readPair(reader: TomlReader, table: OpenTable): void {
  const keys = reader.readKey();
  reader.expect('=');
  const target = descend(reader, table, keys.slice(0, -1));
  const name = keys.at(-1) ?? '';
  if (name in target) throw reader.error(`"${name}" is given twice`);
  target[name] = readValue(reader, 0);
}

function readValue(reader: TomlReader, depth: number): TomlValue {
  if (depth > 20) throw reader.error('values are nested too deeply');
  reader.skipSpaces();
  if (reader.take('[')) return readArray(reader, depth);
  if (reader.take('{')) return readInlineTable(reader, depth);
  return reader.readString() ?? readScalar(reader);
}

function readArray(reader: TomlReader, depth: number): readonly TomlValue[] {
  const values: TomlValue[] = [];
  for (;;) {
    reader.skipBlank();
    if (reader.take(']')) return values;
    values.push(readValue(reader, depth + 1));
    reader.skipBlank();
    if (!reader.take(',')) {
      reader.expect(']');
      return values;
    }
  }
}

function readInlineTable(reader: TomlReader, depth: number): TomlTable {
  const table = emptyTable();
  reader.skipSpaces();
  if (reader.take('}')) return table;
  for (;;) {
    const keys = reader.readKey();
    reader.expect('=');
    descend(reader, table, keys.slice(0, -1))[keys.at(-1) ?? ''] = readValue(reader, depth + 1);
    reader.skipSpaces();
    if (reader.take('}')) return table;
    reader.expect(',');
  }
}

function readScalar(reader: TomlReader): TomlValue {
  const word = reader.readWord();
  if (word === 'true') return true;
  if (word === 'false') return false;
  const number = Number(word.replaceAll('_', ''));
  if (word === '' || Number.isNaN(number)) throw reader.error(word === '' ? 'a value is missing' : `"${word}" is not a value`);
  return number;
}
