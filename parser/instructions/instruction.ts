import { findWideBlank } from '../lines/blank.ts';
import { spanOf } from '../lines/logical-line.ts';
import { didYouMean } from '../mistakes/suggest.ts';
import { checkFlags } from '../statements/flags.ts';
import { fail, instructionNames, readStatement, type Statement, type StatementInput, textOf } from '../statements/statement.ts';
import type { Instruction, InstructionBase, OnbuildInstruction, StageInstruction } from '../syntax/containerfile.ts';
import { parseCmd, parseEntrypoint, parseRun, parseShell } from './command.ts';
import { parseAdd, parseCopy } from './copy.ts';
import { parseFrom } from './from.ts';
import { parseHealthcheck } from './healthcheck.ts';
import { parseArg, parseEnv, parseLabel } from './key-values.ts';
import { parseExpose, parseMaintainer, parseStopsignal, parseUser, parseVolume, parseWorkdir } from './settings.ts';

/** Makes the typed instruction of a statement. undefined when it cannot be read at all; mistakes are reported either way. */
export function parseInstruction(reading: StatementInput): Instruction | undefined {
  return reading.statement.name === 'FROM' ? parseFrom(reading) : parseStageStatement(reading);
}

/** The trigger of an ONBUILD, which knows the here-documents; undefined for other instructions. */
export function readTrigger(statement: Statement): Statement | undefined {
  if (statement.name !== 'ONBUILD' || statement.rest.from === statement.rest.to) return undefined;
  return readStatement(statement.line, statement.rest.from, statement.escape);
}

/** What comes from around an instruction. */
export type Surroundings = Pick<InstructionBase, 'skippedChecks' | 'comment' | 'emptyContinuation'>;

/** The part that all instructions have. */
export function instructionBase(statement: Statement, surroundings: Surroundings): InstructionBase {
  const { line, range, keyword, keywordText } = statement;
  const { skippedChecks, comment, emptyContinuation } = surroundings;
  return {
    span: spanOf(line, range),
    keywordSpan: spanOf(line, keyword),
    keyword: keywordText,
    source: textOf(statement, range),
    skippedChecks,
    comment,
    emptyContinuation,
    wideBlank: wideBlankOf(statement),
  };
}

function wideBlankOf(statement: Statement): InstructionBase['wideBlank'] {
  const { line, range, escape } = statement;
  const found = findWideBlank(textOf(statement, range), escape);
  const at = range.from + (found?.at ?? 0);
  return found && { character: found.character, span: spanOf(line, { from: at, to: at + 1 }) };
}

type StageParser = (reading: StatementInput) => StageInstruction | undefined;

const parsers: ReadonlyMap<string, StageParser> = new Map<string, StageParser>([
  ['ADD', parseAdd],
  ['ARG', parseArg],
  ['CMD', parseCmd],
  ['COPY', parseCopy],
  ['ENTRYPOINT', parseEntrypoint],
  ['ENV', parseEnv],
  ['EXPOSE', parseExpose],
  ['HEALTHCHECK', parseHealthcheck],
  ['LABEL', parseLabel],
  ['MAINTAINER', parseMaintainer],
  ['ONBUILD', parseOnbuild],
  ['RUN', parseRun],
  ['SHELL', parseShell],
  ['STOPSIGNAL', parseStopsignal],
  ['USER', parseUser],
  ['VOLUME', parseVolume],
  ['WORKDIR', parseWorkdir],
]);

function parseStageStatement(reading: StatementInput): StageInstruction | undefined {
  const { statement } = reading;
  const parser = parsers.get(statement.name);
  if (parser === undefined) {
    const written = statement.keywordText;
    const message = `Cannot read "${written.length > 60 ? `${written.slice(0, 57)}...` : written}": it is no instruction`;
    const hint = didYouMean(statement.name, instructionNames);
    fail(reading, { code: 'unknown-instruction', message, hint }, statement.keyword);
    return undefined;
  }
  return parser(reading);
}

function parseOnbuild(reading: StatementInput): OnbuildInstruction | undefined {
  const { statement } = reading;
  checkFlags(statement.flags, {}, { instruction: 'ONBUILD', report: reading.report });
  const inner = readTrigger(statement);
  if (inner === undefined) {
    const message = 'Cannot read ONBUILD: it needs an instruction';
    fail(reading, { code: 'missing-argument', message, hint: 'Write ONBUILD RUN command' }, statement.rest);
    return undefined;
  }
  if (!mayTrigger(reading, inner)) return undefined;
  const base = instructionBase(inner, reading.base);
  const trigger = parseStageStatement({ ...reading, statement: inner, base });
  return trigger === undefined ? undefined : { kind: 'onbuild', ...reading.base, text: triggerText(reading), trigger };
}

function mayTrigger(reading: StatementInput, inner: Statement): boolean {
  if (inner.name !== 'ONBUILD' && inner.name !== 'FROM' && inner.name !== 'MAINTAINER') return true;
  fail(reading, { code: 'onbuild', message: `Cannot use ${inner.name} in ONBUILD: it cannot be a trigger` }, inner.keyword);
  return false;
}

/** Up to the end of the line: BuildKit keeps the blanks that are there, and all before but those of `\s` in a regular expression of Go. */
function onelineTrigger({ line: { text }, keyword, rest }: Statement): string {
  const after = text.slice(keyword.to).replace(/^[\t\n\f\r ]+/, '');
  return after.startsWith('--') ? text.slice(rest.from) : after;
}

/** What the image keeps: the trigger as one line, followed by its here-documents as they are written. */
function triggerText(reading: StatementInput): string {
  const { statement, heredocs } = reading;
  return onelineTrigger(statement) + heredocs.map(({ raw, mark }) => `\n${raw}${mark.name}`).join('');
}
