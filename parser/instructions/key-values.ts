import { isBlankAt } from '../lines/blank.ts';
import type { Range } from '../lines/logical-line.ts';
import { checkFlags } from '../statements/flags.ts';
import { fail, type StatementInput, spanIn, textOf } from '../statements/statement.ts';
import { makeWord } from '../statements/word.ts';
import type {
  ArgInstruction,
  ArgumentSyntax,
  EnvInstruction,
  KeyValue,
  LabelInstruction,
  Word,
} from '../syntax/containerfile.ts';
import { checkWord, expandWord, variablesOf } from '../words/expand.ts';
import { splitQuoted } from '../words/word-split.ts';

/** `ENV name=value ...` or `ENV name value`. */
export function parseEnv(reading: StatementInput): EnvInstruction {
  const { pairs, isLegacy } = parsePairs(reading, 'ENV');
  return { kind: 'env', ...reading.base, pairs, isLegacy };
}

/** `LABEL name=value ...` or `LABEL name value`. */
export function parseLabel(reading: StatementInput): LabelInstruction {
  const { pairs, isLegacy } = parsePairs(reading, 'LABEL');
  return { kind: 'label', ...reading.base, pairs, isLegacy };
}

/** `ARG name[=value] ...`. */
export function parseArg(reading: StatementInput): ArgInstruction {
  const { statement } = reading;
  checkFlags(statement.flags, {}, { instruction: 'ARG', report: reading.report });
  const words = splitQuoted(statement.line.text, statement.rest, statement.escape);
  if (words.length === 0) {
    const message = 'Cannot declare an argument: ARG needs a name';
    fail(reading, { code: 'missing-argument', message, hint: 'Write ARG name or ARG name=default' }, statement.rest);
  }
  return { kind: 'arg', ...reading.base, args: words.map((word) => parseArgument(reading, word)) };
}

function parseArgument(reading: StatementInput, word: Range): ArgumentSyntax {
  const { statement } = reading;
  const { key, value } = splitPair(statement.line.text, word);
  const nameWord = makeWord(reading, key);
  const isVariable = variablesOf(nameWord.raw, statement.escape).length > 0;
  const name = isVariable ? nameWord.raw : expandWord(nameWord.raw, { env: () => undefined, escape: statement.escape }).value;
  if (name === '' && checkWord(nameWord.raw, statement.escape) === undefined) {
    fail(reading, { code: 'name', message: 'Cannot declare an argument: its name is empty' }, key);
  }
  return {
    name,
    nameSpan: spanIn(statement, key),
    nameWord: isVariable ? nameWord : undefined,
    value: value === undefined ? undefined : makeWord(reading, value),
  };
}

interface Pairs {
  readonly pairs: readonly KeyValue[];
  readonly isLegacy: boolean;
}

function parsePairs(reading: StatementInput, instruction: 'ENV' | 'LABEL'): Pairs {
  const { statement } = reading;
  const { text } = statement.line;
  checkFlags(statement.flags, {}, { instruction, report: reading.report });
  const words = splitQuoted(text, statement.rest, statement.escape);
  const [first] = words;
  if (first === undefined) {
    const message = `Cannot read ${instruction}: a name and a value are missing`;
    fail(reading, { code: 'missing-argument', message, hint: `Write ${instruction} name=value` }, statement.rest);
    return { pairs: [], isLegacy: false };
  }
  if (splitPair(text, first).value === undefined) {
    return { pairs: legacyPair(reading, instruction), isLegacy: true };
  }
  return { pairs: words.map((word) => parsePair(reading, word, instruction)), isLegacy: false };
}

// An instruction with mistakes is dropped, so nobody sees what stands for a pair that cannot be read.
const nowhere: Word = { raw: '', span: { source: 0, start: 0, end: 0 } };
const unreadable: KeyValue = { key: nowhere, value: nowhere };

function parsePair(reading: StatementInput, word: Range, instruction: string): KeyValue {
  const { statement } = reading;
  const { key, value } = splitPair(statement.line.text, word);
  if (value === undefined) {
    const message = `Cannot read "${textOf(statement, word)}": ${instruction} takes name=value`;
    fail(reading, { code: 'missing-argument', message, hint: 'Put values that hold blanks in double quotes' }, word);
    return unreadable;
  }
  if (key.to === key.from) {
    fail(reading, { code: 'name', message: `Cannot read "${textOf(statement, word)}": the name is empty` }, word);
    return unreadable;
  }
  return { key: makeWord(reading, key), value: makeWord(reading, value) };
}

/** `NAME the rest of the line`. */
function legacyPair(reading: StatementInput, instruction: string): readonly KeyValue[] {
  const { statement } = reading;
  const { rest, line } = statement;
  let keyEnd = rest.from;
  while (keyEnd < rest.to && !isBlankAt(line.text, keyEnd)) keyEnd += 1;
  let valueStart = keyEnd;
  while (valueStart < rest.to && isBlankAt(line.text, valueStart)) valueStart += 1;
  const key = { from: rest.from, to: keyEnd };
  if (valueStart === rest.to) {
    const message = `Cannot set "${textOf(statement, key)}": ${instruction} needs a value`;
    const hint = `Write ${instruction} ${textOf(statement, key)}=value`;
    fail(reading, { code: 'missing-argument', message, hint }, key);
    return [];
  }
  return [{ key: makeWord(reading, key), value: makeWord(reading, { from: valueStart, to: rest.to }) }];
}

/** At the first `=`, wherever it stands: BuildKit does not look at quotes here. */
function splitPair(text: string, word: Range): { key: Range; value: Range | undefined } {
  const equals = text.indexOf('=', word.from);
  if (equals === -1 || equals >= word.to) {
    return { key: word, value: undefined };
  }
  return { key: { from: word.from, to: equals }, value: { from: equals + 1, to: word.to } };
}
