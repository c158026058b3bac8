import { test } from 'node:test';
import * as fc from 'fast-check';
import { check } from '../../parser/lint/check.ts';
import { toJson, toSarif } from '../../parser/lint/check-output.ts';
import { codeFrame } from '../../parser/mistakes/code-frame.ts';
import { parse, parseStageInstruction } from '../../parser/parse.ts';
import { expandHeredoc, expandWord } from '../../parser/words/expand.ts';
import { assertSound } from '../parser/soundness.ts';
import { corpus } from './containerfile-corpus.ts';

// TSBUILD_FUZZ_SECONDS=600 searches longer. A failure prints the seed and the smallest text that shows it.
const seconds = Number(process.env['TSBUILD_FUZZ_SECONDS'] ?? 5);

const piece = fc.oneof(
  fc.constantFrom(...corpus),
  fc.constantFrom(...corpus.flatMap((text) => text.split(/(?<=\s)/))),
  fc.string({ maxLength: 4 }),
);

/** Real files with parts cut out, repeated, moved and mixed with noise. */
const mutated = fc
  .tuple(fc.constantFrom(...corpus), fc.array(fc.tuple(fc.nat(), fc.nat(40), piece), { maxLength: 8 }))
  .map(([start, edits]) => edits.reduce((text, [at, length, insert]) => edit(text, at, { length, insert }), start));

function edit(text: string, at: number, change: { length: number; insert: string }): string {
  const from = at % (text.length + 1);
  return text.slice(0, from) + change.insert + text.slice(from + change.length);
}

test(`fuzz: parsing, checking and expanding mutated files for ${seconds} s`, () => {
  fc.assert(
    fc.property(mutated, (text) => {
      assertSound(text);
      exercise(text);
    }),
    { numRuns: Number.MAX_SAFE_INTEGER, interruptAfterTimeLimit: seconds * 1000, markInterruptAsFailure: false },
  );
});

/** Calls what works on any text, for what it throws. */
function exercise(text: string): void {
  const source = { name: 'f', text };
  const { partial, diagnostics } = parse([source, source]);
  const findings = [...diagnostics, ...check(partial, { sources: [source, source], buildArgs: ['A'], ignoredPaths: () => true })];
  toJson(findings, [source, source]);
  toSarif(findings, [source]);
  for (const { span } of findings.slice(0, 5)) {
    codeFrame(source, span ?? { source: 0, start: 0, end: 0 });
  }
  const env = (name: string): string | undefined => (name.length === 1 ? text.slice(0, 50) : undefined);
  expandWord(text, { env, escape: '\\' });
  expandHeredoc(text, { env });
  parseStageInstruction(text);
}
