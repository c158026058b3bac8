import { UsageError } from '../../contract/errors.ts';
import { printableJson, withoutControls } from '../../show/printable.ts';

/**
 * A template of docker's kind, filled in: `{{.Name}}`, `{{.config.Labels}}`, `{{json .}}`. Names are matched whatever their case is; `\t`
 * and `\n` are a tab and a line feed.
 *
 * @throws UsageError for a name that there is not, listing those that there are
 */
export function fillTemplate(template: string, value: unknown): string {
  return fillActions(template, value).replace(/\\([tn\\])/g, (_, letter: string) => escapes[letter] ?? letter);
}

const escapes: Readonly<Record<string, string>> = { t: '\t', n: '\n' };

function fillActions(template: string, value: unknown): string {
  let filled = '';
  let rest = 0;
  for (;;) {
    const start = template.indexOf('{{', rest);
    const end = start === -1 ? -1 : template.indexOf('}}', start + 2);
    if (end === -1) return filled + template.slice(rest);
    filled += template.slice(rest, start) + fillAction(template.slice(start + 2, end).trim(), value);
    rest = end + 2;
  }
}

// Everything comes from JSON documents, so what is no text is shown as JSON.
function fillAction(action: string, value: unknown): string {
  const match = /^(json\s+)?\.([\w.\-/]*)$/.exec(action);
  if (match === null) {
    throw new UsageError('--format', `Cannot use "{{${action}}}" in --format: expected {{.Field}} or {{json .Field}}`);
  }
  const [, json, path = ''] = match;
  const found = path.split('.').reduce((current, name) => (name === '' ? current : fieldOf(current, name)), value);
  if (json === undefined && typeof found === 'string') return withoutControls(found);
  return printableJson(found ?? null);
}

function fieldOf(value: unknown, name: string): unknown {
  const fields = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  const found = fields.find(([key]) => key === name) ?? fields.find(([key]) => key.toLowerCase() === name.toLowerCase());
  if (found !== undefined) return found[1];
  const known = fields.map(([key]) => key);
  throw new UsageError('--format', `Cannot use "${name}" in --format: there is no such field`, {
    hint: known.length === 0 ? 'Nothing is below it' : `There are ${known.join(', ')}`,
  });
}
