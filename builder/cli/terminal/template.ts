import { UsageError } from '../../contract/errors.ts';
import { printableJson, withoutControls } from '../../show/printable.ts';

interface Action {
  /** As JSON, text too. */
  readonly isJson: boolean;
  /** From the outermost field on. */
  readonly names: readonly string[];
}

/** Text, and what is filled in between. */
export type Template = readonly (string | Action)[];

/**
 * A template of docker's kind, filled in: `{{.Name}}`, `{{.config.Labels}}`, `{{json .}}`. Names are matched whatever their case is; `\t`
 * and `\n` are a tab and a line feed.
 *
 * @throws UsageError for a name that there is not, listing those that there are
 */
export function fillTemplate(template: Template, value: unknown): string {
  return template
    .map((part) => (typeof part === 'string' ? part : fillAction(part, value)))
    .join('')
    .replace(/\\([tn\\])/g, (_, letter: string) => escapes[letter] ?? letter);
}

const escapes: Readonly<Record<string, string>> = { t: '\t', n: '\n' };

/** Reads a template, whether there is anything to fill in or not. @throws UsageError for what is no template, with its place */
export function parseTemplate(text: string): Template {
  const parts: (string | Action)[] = [];
  let rest = 0;
  for (;;) {
    const start = text.indexOf('{{', rest);
    if (start === -1) return [...parts, text.slice(rest)];
    const end = text.indexOf('}}', start + 2);
    if (end === -1) throw unclosed(text, start);
    parts.push(text.slice(rest, start), parseAction(text.slice(start + 2, end).trim()));
    rest = end + 2;
  }
}

function unclosed(text: string, start: number): UsageError {
  return new UsageError('--format', `Cannot use --format ${text}: the "{{" at character ${start + 1} is not closed`, {
    hint: 'Write {{.Field}}',
  });
}

function parseAction(text: string): Action {
  const [, json, path] = /^(json\s+)?\.([\w.\-/]*)$/.exec(text) ?? [];
  if (path !== undefined) return { isJson: json !== undefined, names: path.split('.').filter((name) => name !== '') };
  throw new UsageError('--format', `Cannot use "{{${text}}}" in --format: expected {{.Field}} or {{json .Field}}`);
}

// Everything comes from JSON documents, so what is no text is shown as JSON.
function fillAction({ isJson, names }: Action, value: unknown): string {
  const found = names.reduce(fieldOf, value);
  if (!isJson && typeof found === 'string') return withoutControls(found);
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
