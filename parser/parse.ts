import { instructionBase, parseInstruction, readTrigger, type Surroundings } from './instructions/instruction.ts';
import { nameOfBlank } from './lines/blank.ts';
import { LineReader, longestLineBytes, type RawInstruction } from './lines/line-reader.ts';
import type { LogicalLine } from './lines/logical-line.ts';
import type { Diagnostic } from './mistakes/errors.ts';
import { parseCheckOptions } from './statements/check-directive.ts';
import { type DirectiveBlock, foreignSyntax, readDirectives } from './statements/directives.ts';
import { type LocatedHeredoc, readHeredocs } from './statements/heredoc.ts';
import { readStatement } from './statements/statement.ts';
import type {
  ArgInstruction,
  Containerfile,
  Escape,
  FromInstruction,
  Instruction,
  InstructionBase,
  StageInstruction,
} from './syntax/containerfile.ts';
import type { Source } from './syntax/span.ts';

export interface ParseResult {
  /** undefined when there is an error among the diagnostics. */
  readonly file: Containerfile | undefined;
  /** What could be read in spite of errors: for checks and editors, never for building. */
  readonly partial: Containerfile;
  /** All that is wrong, in the order of the text; reading stops after 500 errors. */
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Reads the sources as one file. Directives count in the first source only; instructions and here-documents do not reach from one
 * source into the next. Never throws, and takes time in proportion to the text.
 */
export function parse(sources: readonly Source[]): ParseResult {
  const diagnostics: Diagnostic[] = [];
  const report = (diagnostic: Diagnostic): void => {
    diagnostics.push(diagnostic);
  };
  const [first = { name: '', text: '' }] = sources;
  const block = readDirectives(first);
  block.diagnostics.forEach(report);
  const isForeign = reportForeign(first, report);
  checkOptions(block, report);
  const assembly: Assembly = { globalArgs: [], stages: [], instructions: 0, diagnostics, report };
  for (const [index, source] of isForeign ? [] : sources.entries()) {
    readSource({ source, index }, block, assembly);
  }
  reportEmptiness(sources, assembly, diagnostics);
  const partial: Containerfile = { directives: block.directives, globalArgs: assembly.globalArgs, stages: assembly.stages };
  const isWrong = diagnostics.some(({ severity }) => severity === 'error');
  return { file: isWrong ? undefined : partial, partial, diagnostics: inOrderOfText(diagnostics) };
}

/** One instruction that did not come from a file, with what is wrong with it. */
export interface ParsedTrigger {
  readonly instruction?: StageInstruction;
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads an ONBUILD trigger out of an image's configuration. Spans are into `text`, as source 0. */
export function parseStageInstruction(text: string): ParsedTrigger {
  const { instructions, diagnostics } = readInstructions(text);
  const [instruction] = instructions;
  if (diagnostics.length > 0) {
    return { diagnostics };
  }
  if (instruction === undefined || instructions.length > 1 || !isTrigger(instruction)) {
    const message = `Cannot use the ONBUILD trigger "${text.slice(0, 60)}": it is not a single instruction that may be a trigger`;
    return { diagnostics: [{ severity: 'error', code: 'onbuild', message, span: undefined }] };
  }
  return { instruction, diagnostics };
}

function isTrigger(instruction: Instruction): instruction is StageInstruction {
  return instruction.kind !== 'from' && instruction.kind !== 'onbuild' && instruction.kind !== 'maintainer';
}

function readInstructions(text: string): { instructions: readonly Instruction[]; diagnostics: readonly Diagnostic[] } {
  const diagnostics: Diagnostic[] = [];
  const report = (diagnostic: Diagnostic): void => {
    diagnostics.push(diagnostic);
  };
  const instructions: Instruction[] = [];
  const reader = makeReader({ source: { name: '', text }, index: 0 }, report);
  for (let raw = reader.nextInstruction('\\'); raw !== undefined; raw = reader.nextInstruction('\\')) {
    const instruction = readInstruction(reader, raw, { escape: '\\', report, directivesEnd: 0 });
    if (instruction !== undefined) instructions.push(instruction);
  }
  return { instructions, diagnostics };
}

interface Assembly {
  readonly globalArgs: ArgInstruction[];
  readonly stages: { name: string | undefined; from: FromInstruction; body: StageInstruction[] }[];
  /** A FROM that could not be read: what follows belongs to it, not in front of the first stage. */
  isInBrokenStage?: boolean;
  readonly report: (diagnostic: Diagnostic) => void;
  /** What was reported so far. */
  readonly diagnostics: readonly Diagnostic[];
  /** How many were read. */
  instructions: number;
}

// Whatever is read then is no Containerfile, and reporting each of its lines would take long.
const mostErrors = 500;

/** Of one instruction; the others would repeat them. */
const mostErrorsOfInstruction = 20;

/** More than people or programs write, and few enough to be planned in seconds. */
const mostInstructions = 100_000;
const mostStages = 10_000;

interface NumberedSource {
  readonly source: Source;
  readonly index: number;
}

function readSource(numbered: NumberedSource, block: DirectiveBlock, assembly: Assembly): void {
  const { escape } = block.directives;
  const { report } = assembly;
  const { index } = numbered;
  const reader = makeReader(numbered, report);
  for (let raw = reader.nextInstruction(escape); raw !== undefined; raw = reader.nextInstruction(escape)) {
    if (assembly.diagnostics.length >= mostErrors || isOverLimit(assembly, raw, reader)) return;
    const instruction = readInstruction(reader, raw, { escape, report, directivesEnd: index === 0 ? block.end : 0 });
    if (instruction !== undefined) {
      addInstruction(assembly, instruction);
    } else if (isFrom(raw.line)) {
      assembly.isInBrokenStage = true;
    }
  }
}

/** Counts an instruction. Says once that there are too many; what follows is not read. */
function isOverLimit(assembly: Assembly, { line }: RawInstruction, reader: LineReader): boolean {
  assembly.instructions += 1;
  const limit =
    assembly.instructions > mostInstructions
      ? `${mostInstructions} instructions`
      : assembly.stages.length >= mostStages && isFrom(line)
        ? `${mostStages} stages`
        : undefined;
  if (limit === undefined) return false;
  const message = `Cannot build the Containerfile: it has more than ${limit}`;
  const hint = 'Divide it into several files, each of which makes an image';
  assembly.report({ severity: 'error', code: 'too-large', message, span: reader.firstLineOf(line), hint });
  return true;
}

function isFrom({ text }: LogicalLine): boolean {
  return /^\s*from\s/i.test(text.slice(0, 100));
}

function makeReader({ source, index }: NumberedSource, report: (diagnostic: Diagnostic) => void): LineReader {
  return new LineReader(source, index, (span) => {
    const message = `Cannot read the line: it is longer than ${longestLineBytes} bytes`;
    report({ severity: 'error', code: 'line-too-long', message, span, hint: 'Break it with continuation lines' });
  });
}

interface ReadOptions {
  readonly escape: Escape;
  readonly report: (diagnostic: Diagnostic) => void;
  /** Comment lines before this offset are directives. */
  readonly directivesEnd: number;
}

/** undefined when anything in the instruction is wrong. */
function readInstruction(reader: LineReader, raw: RawInstruction, options: ReadOptions): Instruction | undefined {
  if (raw.isTooLong) return undefined;
  const statement = readStatement(raw.line, 0, options.escape);
  if (statement.name === '') return undefined;
  const base = instructionBase(statement, surroundingsOf(raw, options.directivesEnd));
  let errors = 0;
  const report = (diagnostic: Diagnostic): void => {
    errors += 1;
    if (errors <= mostErrorsOfInstruction) options.report(withBlankNamed(diagnostic, base));
  };
  const marks = readTrigger(statement)?.marks ?? statement.marks;
  const heredocs = marks.length === 0 ? noHeredocs : readHeredocs(reader, raw.line, { marks, report });
  const instruction = parseInstruction({ statement, heredocs, base, report });
  return errors > 0 ? undefined : instruction;
}

/** A blank that only looks like one is most likely the cause, and cannot be seen. */
function withBlankNamed(diagnostic: Diagnostic, { wideBlank }: Pick<InstructionBase, 'wideBlank'>): Diagnostic {
  if (wideBlank === undefined) return diagnostic;
  const hint = `It holds ${nameOfBlank(wideBlank.character)}, which separates no words; write an ordinary blank`;
  return { ...diagnostic, hint };
}

const noHeredocs: readonly LocatedHeredoc[] = [];
const noChecks: readonly string[] = [];

function surroundingsOf(raw: RawInstruction, directivesEnd: number): Surroundings {
  const { comments, emptyContinuation } = raw;
  if (comments.length === 0) {
    return { skippedChecks: noChecks, comment: undefined, emptyContinuation };
  }
  let skippedChecks = noChecks;
  const lines: string[] = [];
  for (const { text, span } of comments) {
    const rules = checkComment(text);
    if (span.start < directivesEnd) continue;
    if (rules === undefined) {
      lines.push(text);
    } else {
      skippedChecks = [...skippedChecks, ...rules];
    }
  }
  return { skippedChecks, comment: lines.length === 0 ? undefined : lines.join('\n'), emptyContinuation };
}

/** The rules of `check=skip=...`; a comment that only looks like it is a comment. */
function checkComment(text: string): readonly string[] | undefined {
  if (!text.startsWith('check')) return undefined;
  const match = /^check\s*=(.*)$/s.exec(text);
  const options = match === null ? undefined : parseCheckOptions(match[1] ?? '');
  if (options === undefined || 'reason' in options) return undefined;
  return options.skipsAll ? ['all'] : options.skipped;
}

function addInstruction(assembly: Assembly, instruction: Instruction): void {
  const stage = assembly.stages.at(-1);
  if (instruction.kind === 'from') {
    assembly.isInBrokenStage = false;
    assembly.stages.push({ name: instruction.stageName?.text.toLowerCase(), from: instruction, body: [] });
  } else if (assembly.isInBrokenStage === true) {
    // Its mistakes are reported; there is no stage to put it in.
  } else if (stage !== undefined) {
    stage.body.push(instruction);
  } else if (instruction.kind === 'arg') {
    assembly.globalArgs.push(instruction);
  } else {
    const message = `Cannot use ${instruction.keyword.toUpperCase()} here: only ARG may stand before the first FROM`;
    const hint = 'Start the file with FROM image';
    assembly.report({ severity: 'error', code: 'instruction-before-from', message, span: instruction.keywordSpan, hint });
  }
}

function reportEmptiness(sources: readonly Source[], assembly: Assembly, diagnostics: Diagnostic[]): void {
  if (diagnostics.some(({ severity }) => severity === 'error') || assembly.stages.length > 0) return;
  // Anything but ARG would have been a stage or an error.
  const lastArgument = assembly.globalArgs.at(-1);
  if (lastArgument === undefined) {
    const isBlank = sources.every(({ text }) => text.trim() === '');
    const reason = isBlank ? 'it is empty' : 'it holds no instructions';
    const message = `Cannot build the Containerfile: ${reason}`;
    assembly.report({ severity: 'error', code: 'empty-file', message, span: undefined, hint: 'Start it with FROM image' });
    return;
  }
  const message = 'Cannot build the Containerfile: it has no stage';
  assembly.report({ severity: 'error', code: 'no-stages', message, span: lastArgument.span, hint: 'Add FROM image' });
}

/** A file for another frontend is refused as a whole; its lines would only make noise. */
function reportForeign(first: Source, report: (diagnostic: Diagnostic) => void): boolean {
  const foreign = foreignSyntax(first);
  if (foreign === undefined) return false;
  const message = `Cannot read the file: it is written for the frontend "${foreign}" and is no Containerfile`;
  const newline = first.text.indexOf('\n');
  const span = { source: 0, start: 0, end: newline === -1 ? first.text.length : newline };
  report({ severity: 'error', code: 'not-supported', message, span });
  return true;
}

function checkOptions(block: DirectiveBlock, report: (diagnostic: Diagnostic) => void): void {
  const options = parseCheckOptions(block.directives.check ?? '');
  if ('reason' in options) {
    const message = `Cannot read the directive "check": ${options.reason}`;
    report({ severity: 'error', code: 'directive', message, span: block.checkSpan });
  }
}

function inOrderOfText(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const end = Number.MAX_SAFE_INTEGER;
  const keyOf = ({ span }: Diagnostic): readonly [number, number] => [span?.source ?? end, span?.start ?? end];
  return diagnostics.toSorted((a, b) => {
    const [sourceA, startA] = keyOf(a);
    const [sourceB, startB] = keyOf(b);
    return sourceA - sourceB || startA - startB;
  });
}
