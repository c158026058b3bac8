import { isBlankAt } from '../lines/blank.ts';
import type { Range } from '../lines/logical-line.ts';
import { checkFlags, type FlagKinds, type Flags, type FlagToken } from '../statements/flags.ts';
import type { LocatedHeredoc } from '../statements/heredoc.ts';
import { fail, failAt, type StatementInput, spanIn } from '../statements/statement.ts';
import { makeWord, makeWordFrom } from '../statements/word.ts';
import type { AddInstruction, CopyInstruction, SourceSyntax, Word } from '../syntax/containerfile.ts';
import { isFileMode } from '../values/file-mode.ts';
import { splitAtBlanks } from '../words/word-split.ts';
import { isPlain } from '../words/word-syntax.ts';
import { reportNotStrings } from './command.ts';

/** `COPY [flags] source ... destination`. */
export function parseCopy(reading: StatementInput): CopyInstruction | undefined {
  const flags = checkFlags(reading.statement.flags, copyFlags, { instruction: 'COPY', report: reading.report });
  const from = flags.one('from');
  if (from !== undefined) checkFrom(reading, from);
  const chown = flagWord(reading, flags, 'chown');
  const chmod = readChmod(reading, flags);
  const operands = readOperands(reading, 'COPY');
  return operands === undefined
    ? undefined
    : {
        kind: 'copy',
        ...reading.base,
        chown,
        chmod,
        isLink: flags.boolean('link') ?? false,
        excludes: readExcludes(flags),
        from: from === undefined ? undefined : { value: from.value ?? '', span: from.valueSpan },
        keepsParents: flags.boolean('parents') ?? false,
        sources: operands.sources,
        destination: operands.destination,
      };
}

/** `ADD [flags] source ... destination`. */
export function parseAdd(reading: StatementInput): AddInstruction | undefined {
  const flags = checkFlags(reading.statement.flags, addFlags, { instruction: 'ADD', report: reading.report });
  const chown = flagWord(reading, flags, 'chown');
  const chmod = readChmod(reading, flags);
  const operands = readOperands(reading, 'ADD');
  return operands === undefined
    ? undefined
    : {
        kind: 'add',
        ...reading.base,
        chown,
        chmod,
        isLink: flags.boolean('link') ?? false,
        excludes: readExcludes(flags),
        checksum: flagWord(reading, flags, 'checksum'),
        keepsGitDirectory: flags.boolean('keep-git-dir'),
        unpacks: flags.boolean('unpack'),
        sources: operands.sources,
        destination: operands.destination,
      };
}

const commonFlags = { chown: 'text', chmod: 'text', link: 'boolean', exclude: 'list' } as const;
const copyFlags: FlagKinds = { ...commonFlags, from: 'text', parents: 'boolean' };
const addFlags: FlagKinds = { ...commonFlags, checksum: 'text', 'keep-git-dir': 'boolean', unpack: 'boolean' };

function flagWord(reading: StatementInput, flags: Flags, name: string): Word | undefined {
  const flag = flags.one(name);
  return flag === undefined ? undefined : makeWordFrom(reading, flag.value ?? '', flag.valueSpan);
}

function checkFrom(reading: StatementInput, from: FlagToken): void {
  if (!/\$./.test(from.value ?? '')) return;
  const message = `Cannot copy from "${from.value}": "--from" cannot hold variables`;
  const hint = 'Name the image in a stage of its own (FROM image AS name) and copy from that stage';
  failAt(reading, { code: 'variable-not-supported', message, hint }, from.valueSpan);
}

function readChmod(reading: StatementInput, flags: Flags): Word | undefined {
  const chmod = flagWord(reading, flags, 'chmod');
  if (chmod !== undefined && isPlain(chmod.raw, reading.statement.escape) && !isFileMode(chmod.raw)) {
    const message = `Cannot use "${chmod.raw}" for "--chmod": it is no file mode`;
    failAt(reading, { code: 'mode', message, hint: 'Write it as 0755 or u=rwX,go=rX' }, chmod.span);
  }
  return chmod;
}

function readExcludes(flags: Flags): readonly Word[] {
  return flags.all('exclude').map((flag) => ({ raw: flag.value ?? '', span: flag.valueSpan }));
}

interface Operands {
  readonly sources: readonly SourceSyntax[];
  readonly destination: Word;
}

function readOperands(reading: StatementInput, instruction: string): Operands | undefined {
  const { statement } = reading;
  if (statement.json.kind === 'not-strings') {
    reportNotStrings(reading, statement.rest);
    return undefined;
  }
  const operands = statement.json.kind === 'array' ? jsonOperands(reading) : plainOperands(reading);
  const destination = operands.at(-1);
  if (destination === undefined || operands.length === 1) {
    const message =
      destination === undefined
        ? `Cannot read ${instruction}: a source and a destination are missing`
        : `Cannot read ${instruction}: the destination is missing`;
    const hint = `Write ${instruction} source destination`;
    fail(reading, { code: 'missing-argument', message, hint }, statement.rest);
    return undefined;
  }
  if (destination.kind === 'heredoc') {
    const message = `Cannot write to "${destination.heredoc.name}": a here-document can only be a source`;
    const hint = 'The destination is the last word of the line that opens the here-document';
    failAt(reading, { code: 'heredoc-destination', message, hint }, destination.heredoc.span);
    return undefined;
  }
  return { sources: operands.slice(0, -1), destination: destination.word };
}

function jsonOperands(reading: StatementInput): readonly SourceSyntax[] {
  const { statement } = reading;
  const strings = statement.json.kind === 'array' ? statement.json.strings : [];
  return strings.map(({ value, range }) => ({ kind: 'path', word: makeWordFrom(reading, value, spanIn(statement, range)) }));
}

/** Words at blanks, except that a here-document may have blanks in its delimiter. */
function plainOperands(reading: StatementInput): readonly SourceSyntax[] {
  const { statement, heredocs } = reading;
  if (heredocs.length === 0) return paths(reading, statement.rest);
  const operands: SourceSyntax[] = [];
  let from = statement.rest.from;
  for (const { mark, heredoc } of asWords(reading)) {
    for (const operand of paths(reading, { from, to: mark.range.from })) operands.push(operand);
    operands.push({ kind: 'heredoc', heredoc });
    from = mark.range.to;
  }
  return operands.concat(paths(reading, { from, to: statement.rest.to }));
}

function paths(reading: StatementInput, range: Range): readonly SourceSyntax[] {
  return splitAtBlanks(reading.statement.line.text, range).map((word) => ({ kind: 'path', word: makeWord(reading, word) }));
}

/**
 * The here-documents that are words of their own: they are found at all white space, and words end at that of ASCII alone. One that is only
 * a part of a word has a body, which nobody reads.
 */
function asWords({ statement, heredocs }: StatementInput): readonly LocatedHeredoc[] {
  const { rest, line } = statement;
  const startsWord = (at: number): boolean => at === rest.from || isBlankAt(line.text, at - 1);
  const endsWord = (at: number): boolean => at === rest.to || isBlankAt(line.text, at);
  return heredocs.filter(({ mark: { range } }) => {
    const isInRest = range.from >= rest.from && range.to <= rest.to;
    return isInRest && startsWord(range.from) && endsWord(range.to);
  });
}
