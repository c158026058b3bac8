import { type ParseArgsConfig, parseArgs } from 'node:util';
import { suggest } from '../../../parser/mistakes/suggest.ts';
import { goBoolean } from '../../../registry/oci/text/go-boolean.ts';
import { UsageError } from '../../contract/errors.ts';
import type { Flag, FlagTable, RefusedFlag } from './flag.ts';

/** What a command line said, in the order in which it was said. */
export interface ParsedFlags {
  readonly operands: readonly string[];
  /** All values of a flag; empty when it was not given. */
  all(long: string): readonly string[];
  /** What stands between commas in all values of a flag; empty parts are none. */
  list(long: string): readonly string[];
  /** The last value of a flag. */
  last(long: string): string | undefined;
  /** The flag as it was written the last time, where it has several names: for messages. */
  written(long: string): string;
  /** A switch: undefined when it was not given. */
  isOn(long: string): boolean | undefined;
}

/**
 * Splits a command line by a table of flags. Values are only text here; what they mean is for the command to say.
 *
 * `node:util` does the splitting, in its lenient mode, because that mode reports what it saw and leaves the judging to us: switches
 * with a value (`--push=false`) and values that may be left out (`--pull`) are common in build tools.
 *
 * @throws UsageError for an unknown flag (with a suggestion), a missing value, a refused flag that asks for something
 */
export function parseFlags(argv: readonly string[], table: FlagTable): ParsedFlags {
  const byName = indexFlags(table.flags);
  const refused = new Map(
    (table.refused ?? []).flatMap((flag) => [flag.long, flag.short ?? flag.long].map((name) => [name as string, flag])),
  );
  const idle = new Set<string>((table.idle ?? []).map(({ long }) => long));
  const values = new Map<string, string[]>();
  const names = new Map<string, string>();
  const operands: string[] = [];
  for (const token of tokensOf(argv, table)) {
    if (token.kind === 'positional') operands.push(token.value);
    if (token.kind !== 'option' || idle.has(token.rawName)) continue;
    const flag = byName.get(token.rawName);
    const stranger = refused.get(token.rawName);
    if (flag === undefined && stranger?.idle?.pattern.test(token.value ?? 'true') === true) continue;
    if (flag === undefined) throw unknownFlag(token.rawName, stranger, byName);
    const list = values.get(flag.long) ?? [];
    list.push(valueOf(flag, token.rawName, inlineOf(token)));
    values.set(flag.long, list);
    if (token.rawName.startsWith('--')) names.set(flag.long, token.rawName);
  }
  return {
    operands,
    all: (long) => values.get(long) ?? [],
    list: (long) => commaSeparated(values.get(long) ?? []),
    last: (long) => values.get(long)?.at(-1),
    written: (long) => names.get(long) ?? long,
    isOn: (long) => booleanOf(names.get(long) ?? long, values.get(long)?.at(-1)),
  };
}

/** What stands between commas; empty parts are none. */
export function commaSeparated(texts: readonly string[]): readonly string[] {
  return texts
    .flatMap((text) => text.split(','))
    .map((text) => text.trim())
    .filter((text) => text !== '');
}

/** Reads a switch's value as other builders do, for whom scripts were written: Go's words in any case, and yes and no. */
export function booleanOf(flag: string, text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined;
  const word = text.toLowerCase();
  if (word === 'yes' || word === 'no') return word === 'yes';
  const isOn = goBoolean(word);
  if (isOn !== undefined) return isOn;
  throw new UsageError(flag, `Cannot use ${flag}=${text}: expected true or false`);
}

function indexFlags(flags: readonly Flag[]): Map<string, Flag> {
  const index = new Map<string, Flag>();
  for (const flag of flags) {
    for (const name of [flag.long, flag.short, ...(flag.aliases ?? [])]) {
      if (name !== undefined) index.set(name, flag);
    }
  }
  return index;
}

type Token =
  | {
      readonly kind: 'option';
      readonly rawName: string;
      readonly value: string | undefined;
      readonly inlineValue: boolean | undefined;
    }
  | { readonly kind: 'positional'; readonly value: string }
  | { readonly kind: 'option-terminator' };

function tokensOf(argv: readonly string[], table: FlagTable): readonly Token[] {
  const options: NonNullable<ParseArgsConfig['options']> = {};
  const all: readonly (Pick<Flag, 'long'> & Partial<Flag>)[] = [...table.flags, ...(table.refused ?? []), ...(table.idle ?? [])];
  for (const flag of all) {
    const type = flag.value !== undefined && flag.implied === undefined ? 'string' : 'boolean';
    const short = flag.short?.slice(1);
    options[flag.long.slice(2)] = short === undefined ? { type } : { type, short };
    for (const alias of flag.aliases ?? []) options[alias.slice(2)] = { type };
  }
  return parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true }).tokens;
}

/** `-f=FILE`, as docker takes it; node:util leaves the `=` in the values of short flags. */
function inlineOf({ rawName, value, inlineValue }: Extract<Token, { kind: 'option' }>): string | undefined {
  const isShort = inlineValue === true && !rawName.startsWith('--');
  return isShort && value?.startsWith('=') === true ? value.slice(1) : value;
}

function valueOf(flag: Flag, written: string, value: string | undefined): string {
  if (value !== undefined) return value;
  if (flag.value === undefined) return 'true';
  if (flag.implied !== undefined) return flag.implied;
  throw new UsageError(written, `Cannot use ${written}: it needs a value (${flag.value})`);
}

function unknownFlag(written: string, refused: RefusedFlag | undefined, known: ReadonlyMap<string, Flag>): UsageError {
  if (refused !== undefined) {
    return new UsageError(written, `Cannot use ${written}: ${refused.reason}`, { hint: refused.hint });
  }
  const nearest = written.startsWith('--') ? suggest(written, known.keys()) : undefined;
  return new UsageError(written, `Cannot use ${written}: no such flag`, {
    hint: nearest === undefined ? undefined : `Did you mean ${nearest}?`,
  });
}
