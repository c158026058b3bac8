import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DockerfileParser } from 'dockerfile-ast';
import * as fc from 'fast-check';
import { parseText } from './reading.ts';

// dockerfile-ast disagrees with BuildKit on comments in continuations, escapes, here-documents, JSON and most variables, so the two
// are compared on files that have none of these.

const name = fc.stringMatching(/^[a-z][a-z0-9]{0,6}$/);
const text = fc.stringMatching(/^[a-z0-9./_-]{1,10}$/).filter((value) => !value.startsWith('-'));
const words = (minLength: number): fc.Arbitrary<string> =>
  fc.array(text, { minLength, maxLength: 4 }).map((parts) => parts.join(' '));

const instruction = fc.oneof(
  words(1).map((rest) => `RUN ${rest}`),
  words(1).map((rest) => `CMD ${rest}`),
  words(2).map((rest) => `COPY ${rest}`),
  words(2).map((rest) => `ADD --chown=1:2 ${rest}`),
  text.map((rest) => `WORKDIR ${rest}`),
  fc.tuple(name, text).map(([key, value]) => `ENV ${key}=${value} other="a b"`),
  fc.tuple(name, text).map(([key, value]) => `LABEL ${key}=${value}`),
  name.map((key) => `ARG ${key}`),
  words(1).map((rest) => `VOLUME ${rest}`),
  fc.tuple(text, text).map(([first, second]) => `RUN ${first} \\\n  && ${second}`),
  text.map((rest) => `# ${rest}`),
  fc.constant(''),
);
const containerfile = fc
  .tuple(name, name, fc.array(instruction, { maxLength: 12 }))
  .map(([image, stage, body]) => [`FROM ${image} AS ${stage}`, ...body].join('\n'));

test('property: simple files have the same instructions, places and arguments as in dockerfile-ast', () => {
  fc.assert(
    fc.property(containerfile, (content) => {
      const { file, diagnostics } = parseText(content);
      assert.deepEqual(diagnostics, []);
      const [stage] = file?.stages ?? [];
      assert.ok(stage);
      const ours = [stage.from, ...stage.body].map(({ keyword, span, source }) => ({
        keyword,
        line: content.slice(0, span.start).split('\n').length,
        lastLine: content.slice(0, span.end).split('\n').length,
        words: source.split(/\s+/).filter((part) => !part.startsWith('--')).length,
      }));
      const theirs = DockerfileParser.parse(content)
        .getInstructions()
        .map((found) => ({
          keyword: found.getInstruction(),
          line: found.getRange().start.line + 1,
          lastLine: found.getRange().end.line + 1,
          words: 1 + (found.getRawArgumentsContent() ?? '').replaceAll('\\\n', ' ').trim().split(/\s+/).length,
        }));
      assert.deepEqual(ours, theirs);
    }),
    { numRuns: 300 },
  );
});
