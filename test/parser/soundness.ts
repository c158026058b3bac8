import assert from 'node:assert/strict';
import { parse } from '../../parser/parse.ts';
import type { InstructionBase } from '../../parser/syntax/containerfile.ts';
import type { Span } from '../../parser/syntax/span.ts';

/**
 * What holds for any text: parse() returns, errors have a place (but that of an empty file), spans lie inside the text, instructions follow each other, and a file means
 * no errors.
 */
export function assertSound(text: string): void {
  const { file, partial, diagnostics } = parse([{ name: 'Containerfile', text }]);
  assert.equal(file === undefined, diagnostics.length > 0);
  assert.deepEqual(
    diagnostics.filter(({ code, span }) => (span === undefined) !== (code === 'empty-file')),
    [],
  );
  for (const span of spansOf({ partial, diagnostics })) {
    assert.ok(span.source === 0 && span.start >= 0 && span.start <= span.end && span.end <= text.length, JSON.stringify(span));
  }
  const instructions: readonly InstructionBase[] = [
    ...partial.globalArgs,
    ...partial.stages.flatMap((stage): InstructionBase[] => [stage.from, ...stage.body]),
  ];
  let end = 0;
  for (const { span, keyword } of instructions.toSorted((a, b) => a.span.start - b.span.start)) {
    assert.ok(span.start >= end, 'instructions overlap');
    end = span.end;
    assert.equal(text[span.start], keyword[0]);
  }
}

/** All spans anywhere in a value. */
function spansOf(value: unknown): readonly Span[] {
  if (typeof value !== 'object' || value === null) return [];
  if (isSpan(value)) return [value];
  return Object.values(value).flatMap(spansOf);
}

function isSpan(value: object): value is Span {
  return 'source' in value && typeof value.source === 'number' && 'start' in value && 'end' in value;
}
