import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { parseAge, parseUntil } from '../../../../builder/cli/flags/age.ts';
import { fillTemplate } from '../../../../builder/cli/kinds/template.ts';
import { TransferLines } from '../../../../builder/cli/kinds/transfer-lines.ts';

const value = { name: 'app', Size: 12, config: { Labels: { a: 'b' } } };

const templates: readonly [template: string, expected: string][] = [
  ['{{.name}}', 'app'],
  ['{{ .Name }}: {{.size}}', 'app: 12'],
  ['{{.config.labels.a}}\\t{{json .name}}\\n', 'b\t"app"\n'],
  ['{{.config}}', '{"Labels":{"a":"b"}}'],
  ['{{json .}}', JSON.stringify(value)],
  ['plain', 'plain'],
];

for (const [template, expected] of templates) {
  test(`fillTemplate() fills ${template}`, () => assert.equal(fillTemplate(template, value), expected));
}

test('fillTemplate() says which fields there are', () => {
  assert.throws(() => fillTemplate('{{.config.none}}', value), { name: 'UsageError', hint: 'There are Labels' });
  assert.throws(() => fillTemplate('{{range .x}}', value), { name: 'UsageError', message: /expected \{\{\.Field\}\}/ });
});

const ages: readonly [text: string, ms: number][] = [
  ['30d', 30 * 86_400_000],
  ['1h30m', 5_400_000],
  ['1.5s', 1500],
  ['250ms', 250],
  ['2w', 14 * 86_400_000],
];

for (const [text, ms] of ages) test(`parseAge() reads ${text}`, () => assert.equal(parseAge('--x', text), ms));

test('parseAge() refuses what is no duration', () => {
  for (const text of ['', '3', 'h', '1y', '-1h', '1h 2m']) {
    assert.throws(() => parseAge('--x', text), { name: 'UsageError', message: /expected a duration/ });
  }
});

test('parseUntil() reads durations, dates and seconds', () => {
  const nowMs = Date.UTC(2020, 0, 2);
  assert.equal(parseUntil('--filter', '24h', nowMs), 86_400_000);
  assert.equal(parseUntil('--filter', '2020-01-01T00:00:00Z', nowMs), 86_400_000);
  assert.equal(parseUntil('--filter', String(Date.UTC(2020, 0, 1) / 1000), nowMs), 86_400_000);
  assert.throws(() => parseUntil('--filter', '2020-99-01', nowMs), { name: 'UsageError', message: /it is not a date/ });
});

test('TransferLines tells of each thing once when it is done', () => {
  let text = '';
  const lines = new TransferLines(
    new Writable({
      write: (chunk, _encoding, done) => {
        text += String(chunk);
        done();
      },
    }),
  );
  for (const [what, done, total] of [
    ['a', 0, 10],
    ['a', 5, 10],
    ['b\u001B[31m', 7, 7],
    ['a', 10, 10],
    ['a', 10, 10],
  ] as const) {
    lines.onProgress(what, done, total);
  }
  assert.equal(text, 'b: 7B\na: 10B\n');
});
