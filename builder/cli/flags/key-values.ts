import { UsageError } from '../../contract/errors.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Splits at the first `=`. The value is undefined without one. */
export function splitPair(text: string): readonly [string, string | undefined] {
  const at = text.indexOf('=');
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** `NAME=VALUE` flags as a record; the last one wins; a missing value is ''. @throws UsageError for an empty name */
export function readPairs(flag: string, texts: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(texts.map((text) => splitNamed(flag, text)).map(([name, value]) => [name, value ?? '']));
}

/** As readPairs(), where a pair without a value says nothing. @throws UsageError */
export function readWholePairs(flag: string, texts: readonly string[]): Readonly<Record<string, string>> {
  const bad = texts.find((text) => !text.includes('='));
  if (bad !== undefined) throw new UsageError(flag, `Cannot use ${flag} ${bad}: expected NAME=VALUE`);
  return readPairs(flag, texts);
}

/** `NAME[=VALUE]` flags; a missing value is looked up in the environment, and stays undefined when it is not there either. */
export function readPairsOrEnvironment(
  flag: string,
  texts: readonly string[],
  environment: Environment,
): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(
    texts.map((text) => splitNamed(flag, text)).map(([name, value]) => [name, value ?? environment[name]]),
  );
}

/**
 * The text of a --build-arg-file: `NAME=VALUE` lines, blank lines and lines that start with `#` skipped.
 *
 * @throws UsageError naming the file and line of a line that is neither
 */
export function readArgumentFile(name: string, text: string): readonly string[] {
  const lines = text.split(/\r?\n/).map((line, index) => ({ line: line.trim(), number: index + 1 }));
  const wanted = lines.filter(({ line }) => line !== '' && !line.startsWith('#'));
  const bad = wanted.find(({ line }) => !/^[A-Za-z_][A-Za-z0-9_]*(=|$)/.test(line));
  if (bad !== undefined) {
    throw new UsageError('--build-arg-file', `Cannot read line ${bad.number} of "${name}": expected NAME=VALUE`);
  }
  return wanted.map(({ line }) => line);
}

function splitNamed(flag: string, text: string): readonly [string, string | undefined] {
  const [name, value] = splitPair(text);
  if (name === '') throw new UsageError(flag, `Cannot use ${flag} ${text}: expected NAME=VALUE`);
  return [name, value];
}
