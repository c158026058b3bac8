/** One way in that a server offers. Scheme and parameter names are lower case. (RFC 9110, 11.6.1) */
export interface Challenge {
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const token = /[!#$%&'*+.^_`|~\w-]+/y;
const quoted = /"((?:[^"\\]|\\.)*)"/y;
const gap = /[\s,]*/y;
const equals = /\s*=\s*/y;
const blob = /[\w.~+/-]+=*/y;

/**
 * Reads WWW-Authenticate headers, each of which may hold several challenges. Commas separate both parameters and challenges, so a name is
 * a parameter exactly when an equals sign and a value follow. What cannot be read is passed over; nothing is thrown.
 */
export function parseChallenges(headers: readonly string[]): readonly Challenge[] {
  return headers.flatMap(parseHeader);
}

/** The challenge to answer: Bearer before Basic, anything else not at all. */
export function preferredChallenge(challenges: readonly Challenge[]): Challenge | undefined {
  const bearer = challenges.find(({ scheme, parameters }) => scheme === 'bearer' && parameters.has('realm'));
  return bearer ?? challenges.find(({ scheme }) => scheme === 'basic');
}

function parseHeader(text: string): readonly Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  const reader = { text, position: 0 };
  for (;;) {
    take(reader, gap);
    if (reader.position >= text.length) return challenges;
    const word = take(reader, token);
    if (word === undefined) {
      reader.position += 1;
      continue;
    }
    const value = readValue(reader);
    const current = challenges.at(-1);
    if (value !== undefined) current?.parameters.set(word.toLowerCase(), value);
    else challenges.push({ scheme: word.toLowerCase(), parameters: new Map() });
  }
}

interface Reader {
  readonly text: string;
  position: number;
}

function readValue(reader: Reader): string | undefined {
  const start = reader.position;
  if (take(reader, equals) === undefined) return undefined;
  const string = take(reader, quoted);
  if (string !== undefined) return string.slice(1, -1).replace(/\\(.)/g, '$1');
  const plain = take(reader, blob) ?? take(reader, token);
  if (plain === undefined) reader.position = start;
  return plain;
}

function take(reader: Reader, pattern: RegExp): string | undefined {
  pattern.lastIndex = reader.position;
  const found = pattern.exec(reader.text);
  if (found === null) return undefined;
  reader.position = pattern.lastIndex;
  return found[0];
}
