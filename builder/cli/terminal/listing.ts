import { UsageError } from '../../contract/errors.ts';
import { printableJson } from '../../show/printable.ts';
import { table } from '../../show/table.ts';
import type { Flag } from '../flags/flag.ts';
import type { ParsedFlags } from '../flags/parse-flags.ts';
import { fillTemplate, parseTemplate } from './template.ts';

/** `--format`, with `--json` as a short way to write one of its values. */
export const formatFlags: readonly Flag[] = formatFlagsLike('{{.Name}} {{.Size}}');

/** The same with an example of the fields that a listing has. */
export function formatFlagsLike(example: string): readonly Flag[] {
  return [
    { long: '--format', value: 'FORMAT', group: 'Output', help: `table, json, or a template such as "${example}"` },
    { long: '--json', group: 'Output', help: 'Same as --format json' },
  ];
}

/** Things to list, as people and as programs want them. */
export interface Listing {
  readonly items: readonly object[];
  /** The first row is the heading. */
  readonly rows: () => readonly (readonly string[])[];
}

/** The text of a listing in the form that the flags ask for. Ends with a line feed unless it is empty. @throws UsageError */
export function listingText({ items, rows }: Listing, parsed: ParsedFlags): string {
  const format = parsed.isOn('--json') === true ? 'json' : (parsed.last('--format') ?? 'table');
  if (format === 'json') return `${printableJson(items, 2)}\n`;
  if (format === 'table') return table(rows());
  if (!format.includes('{{')) {
    throw new UsageError('--format', `Cannot use --format ${format}: expected table, json or a template with {{.Field}}`);
  }
  const template = parseTemplate(format.replace(/^table\s+/, ''));
  return items.map((item) => `${fillTemplate(template, item)}\n`).join('');
}
