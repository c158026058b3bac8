import { isBlankAt } from '../lines/blank.ts';
import { type Range, trimRange } from '../lines/logical-line.ts';
import { didYouMean } from '../mistakes/suggest.ts';
import { checkFlags, type FlagToken } from '../statements/flags.ts';
import { readJsonForm } from '../statements/json-form.ts';
import { fail, failAt, type Statement, type StatementInput, textOf } from '../statements/statement.ts';
import type { HealthcheckInstruction } from '../syntax/containerfile.ts';
import { parseDurationNs } from '../values/duration.ts';
import { readCommand } from './command.ts';

/** `HEALTHCHECK [options] CMD command` or `HEALTHCHECK NONE`. */
export function parseHealthcheck(reading: StatementInput): HealthcheckInstruction | undefined {
  const { statement } = reading;
  const flags = checkFlags(statement.flags, flagKinds, { instruction: 'HEALTHCHECK', report: reading.report });
  const { type, arguments: rest } = splitType(statement);
  const typeText = textOf(statement, type).toUpperCase();
  const duration = (name: string): number | undefined => readDuration(reading, flags.one(name));
  const durations = {
    intervalNs: duration('interval'),
    timeoutNs: duration('timeout'),
    startPeriodNs: duration('start-period'),
    startIntervalNs: duration('start-interval'),
    retries: readRetries(reading, flags.one('retries')),
  };
  if (typeText === 'NONE') {
    if (rest.to > rest.from) {
      fail(reading, { code: 'too-many-arguments', message: 'Cannot read what follows NONE: it takes no arguments' }, rest);
    }
    return { kind: 'healthcheck', ...reading.base, check: undefined };
  }
  if (typeText !== 'CMD') {
    reportType(reading, type);
    return undefined;
  }
  const json = readJsonForm(statement.line, trimRange(statement.line.text, rest));
  const inner: StatementInput = { ...reading, statement: { ...statement, rest, json } };
  const command = readCommand(inner, rest, 'HEALTHCHECK CMD');
  return command === undefined ? undefined : { kind: 'healthcheck', ...reading.base, check: { command, ...durations } };
}

const flagKinds = {
  interval: 'text',
  timeout: 'text',
  'start-period': 'text',
  'start-interval': 'text',
  retries: 'text',
} as const;

function splitType(statement: Statement): { type: Range; arguments: Range } {
  const { line, rest } = statement;
  let end = rest.from;
  while (end < rest.to && !isBlankAt(line.text, end)) end += 1;
  let from = end;
  while (from < rest.to && isBlankAt(line.text, from)) from += 1;
  return { type: { from: rest.from, to: end }, arguments: { from, to: rest.to } };
}

function reportType(reading: StatementInput, type: Range): void {
  const text = textOf(reading.statement, type);
  if (text === '') {
    const message = 'Cannot read HEALTHCHECK: CMD or NONE is missing';
    fail(reading, { code: 'missing-argument', message, hint: 'Write HEALTHCHECK CMD command' }, type);
    return;
  }
  const message = `Cannot read "${text}": HEALTHCHECK takes CMD or NONE`;
  const hint = didYouMean(text, ['CMD', 'NONE']) ?? `Write HEALTHCHECK CMD ${text} to run it`;
  fail(reading, { code: 'unknown-instruction', message, hint }, type);
}

const shortestNs = 1_000_000;

function readDuration(reading: StatementInput, flag: FlagToken | undefined): number | undefined {
  if (flag?.value === undefined || flag.value === '') return undefined;
  const value = parseDurationNs(flag.value);
  if (value === undefined) {
    const message = `Cannot read "${flag.value}" as a duration: it is a number with a unit`;
    failAt(reading, { code: 'duration', message, hint: 'Units are ns, us, ms, s, m and h: 1m30s' }, flag.valueSpan);
  } else if (value !== 0 && value < shortestNs) {
    failAt(
      reading,
      { code: 'duration', message: `Cannot use "${flag.value}": the shortest duration is 1ms, and 0 means the default` },
      flag.valueSpan,
    );
  }
  return value;
}

const mostRetries = 2_147_483_647;

function readRetries(reading: StatementInput, flag: FlagToken | undefined): number | undefined {
  if (flag?.value === undefined || flag.value === '') return undefined;
  const value = /^[+-]?\d{1,12}$/.test(flag.value) ? Number(flag.value) : Number.NaN;
  if (!(value >= 0 && value <= mostRetries)) {
    const message = `Cannot use "${flag.value}" for "--retries": it is a whole number that is not negative`;
    failAt(reading, { code: 'number', message }, flag.valueSpan);
  }
  return value;
}
