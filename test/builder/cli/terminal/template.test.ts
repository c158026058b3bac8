import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fillTemplate, parseTemplate } from '../../../../builder/cli/terminal/template.ts';

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
  test(`fillTemplate() fills ${template}`, () => assert.equal(fillTemplate(parseTemplate(template), value), expected));
}

test('parseTemplate() says where an action is not closed', () => {
  for (const [text, character] of [
    ['{{.Name', 1],
    ['{{.Name}} {{.Size', 11],
    ['{{', 1],
    ['a{{.Name}', 2],
  ] as const) {
    const message = `Cannot use --format ${text}: the "{{" at character ${character} is not closed`;
    assert.throws(() => parseTemplate(text), { name: 'UsageError', message });
  }
});

test('fillTemplate() says which fields there are', () => {
  assert.throws(() => fillTemplate(parseTemplate('{{.config.none}}'), value), { name: 'UsageError', hint: 'There are Labels' });
  assert.throws(() => fillTemplate(parseTemplate('{{range .x}}'), value), {
    name: 'UsageError',
    message: /expected \{\{\.Field\}\}/,
  });
});
