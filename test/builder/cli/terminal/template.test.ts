import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fillTemplate } from '../../../../builder/cli/terminal/template.ts';

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
