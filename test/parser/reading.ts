import assert from 'node:assert/strict';
import type { Diagnostic } from '../../parser/mistakes/errors.ts';
import { type ParseResult, parse } from '../../parser/parse.ts';
import type { Containerfile, StageInstruction } from '../../parser/syntax/containerfile.ts';
import type { Span } from '../../parser/syntax/span.ts';

/** parse() of one source with the usual name. */
export function parseText(text: string): ParseResult {
  return parse([{ name: 'Containerfile', text }]);
}

/** The file of a text that has no mistakes. */
export function readFile(text: string): Containerfile {
  const { file, diagnostics } = parseText(text);
  assert.deepEqual(diagnostics, []);
  assert.ok(file);
  return file;
}

/** The instructions after `FROM scratch`. */
export function readBody(text: string): readonly StageInstruction[] {
  return readFile(`FROM scratch\n${text}`).stages[0]?.body ?? [];
}

/** The only instruction after `FROM scratch`, of the kind that is asked for. */
export function readOne<K extends StageInstruction['kind']>(kind: K, text: string): Extract<StageInstruction, { kind: K }> {
  const [instruction, ...more] = readBody(text);
  assert.deepEqual(more, []);
  assert.ok(isKind(instruction, kind), `expected ${kind}`);
  return instruction;
}

function isKind<K extends StageInstruction['kind']>(
  instruction: StageInstruction | undefined,
  kind: K,
): instruction is Extract<StageInstruction, { kind: K }> {
  return instruction?.kind === kind;
}

/** What is wrong with a text, as `code: the text that is pointed at`. */
export function mistakes(text: string): readonly string[] {
  return parseText(text).diagnostics.map((diagnostic) => `${diagnostic.code}: ${pointedAt(text, diagnostic)}`);
}

/** As mistakes(), for instructions after `FROM scratch`. */
export function bodyMistakes(text: string): readonly string[] {
  return mistakes(`FROM scratch\n${text}`);
}

/** The stretch of the text that a diagnostic points at. */
function pointedAt(text: string, { span }: Pick<Diagnostic, 'span'>): string {
  return span === undefined ? '' : at(text, span);
}

/** The stretch of the text that a span covers. */
export function at(text: string, span: Span): string {
  return text.slice(span.start, span.end);
}
