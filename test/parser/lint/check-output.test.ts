import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check } from '../../../parser/lint/check.ts';
import { toJson, toSarif } from '../../../parser/lint/check-output.ts';
import { parseText } from '../reading.ts';

const text = 'FROM scratch AS Bad\n# 😀\nCOPY $q /\n';
const sources = [{ name: 'dir with blank/Containerfile', text }];
const diagnostics = check(parseText(text).partial, { sources });

test('toJson() gives the shape of BuildKit', () => {
  assert.deepEqual(toJson(diagnostics, sources), {
    warnings: [
      {
        ruleName: 'StageNameCasing',
        description: 'Stage names should be lowercase',
        url: 'docs/checks.md#stagenamecasing',
        detail: "Stage name 'Bad' should be lowercase",
        location: { sourceIndex: 0, ranges: [{ start: { line: 1, character: 16 }, end: { line: 1, character: 19 } }] },
      },
      {
        ruleName: 'UndefinedVar',
        description: 'Variables should be defined before their use',
        url: 'docs/checks.md#undefinedvar',
        detail: "Usage of undefined variable '$q'",
        location: { sourceIndex: 0, ranges: [{ start: { line: 3, character: 5 }, end: { line: 3, character: 7 } }] },
      },
    ],
    sources: [{ filename: 'dir with blank/Containerfile', language: 'Dockerfile', data: Buffer.from(text).toString('base64') }],
  });
});

test('toJson() gives the first error', () => {
  const wrong = { name: 'f', text: 'FROM a\nCOP x y\nCMP\n' };
  const { buildError, warnings } = toJson(parseText(wrong.text).diagnostics, [wrong]);
  assert.deepEqual(warnings, []);
  assert.deepEqual(buildError, {
    message: 'Cannot read "COP": it is no instruction',
    location: { sourceIndex: 0, ranges: [{ start: { line: 2, character: 0 }, end: { line: 2, character: 3 } }] },
  });
});

test('toJson() says which rules failed with error=true', () => {
  const file = parseText(`# check=error=true\n${text}`).partial;
  const { buildError, warnings } = toJson(check(file, { sources }), sources);
  assert.equal(buildError?.message, 'lint violation found for rules: StageNameCasing, UndefinedVar');
  assert.equal(warnings.length, 2);
});

test('toSarif() gives a SARIF log', () => {
  const log = toSarif(diagnostics, sources, '1.2.3');
  const [run] = log.runs;
  assert.equal(log.version, '2.1.0');
  assert.deepEqual(
    run?.tool.driver.rules.map(({ id }) => id),
    ['StageNameCasing', 'UndefinedVar'],
  );
  assert.deepEqual(run?.results[0], {
    ruleId: 'StageNameCasing',
    level: 'warning',
    message: { text: "Stage name 'Bad' should be lowercase. Write bad" },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: 'dir%20with%20blank/Containerfile' },
          region: { startLine: 1, startColumn: 17, endLine: 1, endColumn: 20 },
        },
      },
    ],
  });
});

test('toSarif() takes findings without a place and names that are no text', () => {
  const log = toSarif([{ severity: 'error', code: 'empty-file', message: 'm', span: undefined }], []);
  assert.deepEqual(log.runs[0]?.results, [{ ruleId: 'empty-file', level: 'error', message: { text: 'm' }, locations: [] }]);
  assert.doesNotThrow(() => toSarif(diagnostics, [{ name: '\ud800', text }]));
});
