import { splitAtSpaces, trimSpace } from '../lines/blank.ts';
import { trimRange } from '../lines/logical-line.ts';
import { didYouMean } from '../mistakes/suggest.ts';
import { checkFlags } from '../statements/flags.ts';
import { fail, failAt, type StatementInput, spanIn } from '../statements/statement.ts';
import { makeWord, makeWordFrom } from '../statements/word.ts';
import type {
  ExposeInstruction,
  MaintainerInstruction,
  StopsignalInstruction,
  UserInstruction,
  VolumeInstruction,
  Word,
  WorkdirInstruction,
} from '../syntax/containerfile.ts';
import { parsePort } from '../values/ports.ts';
import { parseSignal, signalNames } from '../values/signal.ts';
import { splitAtBlanks } from '../words/word-split.ts';
import { isPlain } from '../words/word-syntax.ts';
import { reportNotStrings } from './command.ts';

/** `WORKDIR path`: all that follows is the path. */
export function parseWorkdir(reading: StatementInput): WorkdirInstruction | undefined {
  const path = wholeRest(reading, 'a path');
  return path === undefined ? undefined : { kind: 'workdir', ...reading.base, path };
}

/** `USER user[:group]`: all that follows is the user. */
export function parseUser(reading: StatementInput): UserInstruction | undefined {
  const user = wholeRest(reading, 'a user');
  return user === undefined ? undefined : { kind: 'user', ...reading.base, user };
}

/** `MAINTAINER name`. Its text is taken as it is: no variables, no quotes. */
export function parseMaintainer(reading: StatementInput): MaintainerInstruction | undefined {
  const { statement } = reading;
  checkFlags(statement.flags, {}, { instruction: statement.name, report: reading.report });
  if (statement.rest.from === statement.rest.to) {
    fail(reading, { code: 'missing-argument', message: 'Cannot read MAINTAINER: it needs a name' }, statement.rest);
    return undefined;
  }
  const raw = statement.line.text.slice(statement.rest.from, statement.rest.to);
  return { kind: 'maintainer', ...reading.base, name: { raw, span: spanIn(statement, statement.rest) } };
}

/** `STOPSIGNAL signal`. */
export function parseStopsignal(reading: StatementInput): StopsignalInstruction | undefined {
  const signal = wholeRest(reading, 'a signal');
  if (signal === undefined) return undefined;
  if (isPlain(signal.raw, reading.statement.escape) && parseSignal(signal.raw) === undefined) {
    const message = `Cannot use "${signal.raw}" as the stop signal: there is no such signal`;
    failAt(reading, { code: 'signal', message, hint: didYouMean(signal.raw, signalNames()) }, signal.span);
  }
  return { kind: 'stopsignal', ...reading.base, signal };
}

/** `EXPOSE port ...`: words at blanks; what they mean shows when their variables are known. */
export function parseExpose(reading: StatementInput): ExposeInstruction | undefined {
  const { statement } = reading;
  checkFlags(statement.flags, {}, { instruction: 'EXPOSE', report: reading.report });
  const words = splitAtBlanks(statement.line.text, statement.rest);
  if (words.length === 0) {
    fail(reading, { code: 'missing-argument', message: 'Cannot read EXPOSE: it needs a port' }, statement.rest);
    return undefined;
  }
  const ports = words.map((word) => makeWord(reading, word));
  ports
    .filter(({ raw }) => isPlain(raw, statement.escape))
    .forEach((port) => {
      checkPorts(reading, port);
    });
  return { kind: 'expose', ...reading.base, ports };
}

/** A word is split once more when its variables are replaced, then at all white space. */
function checkPorts(reading: StatementInput, { raw, span }: Word): void {
  for (const text of splitAtSpaces(raw).filter((piece) => piece !== '')) {
    const parsed = parsePort(text);
    if ('reason' in parsed) {
      const message = `Cannot expose "${text}": ${parsed.reason}`;
      failAt(reading, { code: 'port', message, hint: 'Write port, port/udp or 8000-8010/tcp' }, span);
    }
  }
}

/** `VOLUME path ...` or `VOLUME ["path", ...]`. */
export function parseVolume(reading: StatementInput): VolumeInstruction | undefined {
  const { statement } = reading;
  checkFlags(statement.flags, {}, { instruction: 'VOLUME', report: reading.report });
  if (statement.json.kind === 'not-strings') {
    reportNotStrings(reading, statement.rest);
    return undefined;
  }
  const paths =
    statement.json.kind === 'array'
      ? statement.json.strings.map((item) => makeWordFrom(reading, trimSpace(item.value), spanIn(statement, item.range)))
      : splitAtBlanks(statement.line.text, statement.rest).map((word) => makeWord(reading, trimRange(statement.line.text, word)));
  if (paths.length === 0 || paths.some((path) => path.raw === '')) {
    fail(reading, { code: 'missing-argument', message: 'Cannot declare a volume: its path is empty' }, statement.rest);
  }
  return { kind: 'volume', ...reading.base, paths };
}

function wholeRest(reading: StatementInput, what: string): Word | undefined {
  const { statement } = reading;
  checkFlags(statement.flags, {}, { instruction: statement.name, report: reading.report });
  if (statement.rest.from === statement.rest.to) {
    const message = `Cannot read ${statement.name}: it needs ${what}`;
    fail(reading, { code: 'missing-argument', message }, statement.rest);
    return undefined;
  }
  return makeWord(reading, statement.rest);
}
