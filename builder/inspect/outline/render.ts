import { positionOf } from '../../../parser/syntax/position.ts';
import type { Source, Span } from '../../../parser/syntax/span.ts';
import { hidePasswords } from '../../../registry/oci/text/private-url.ts';
import { printableLine, reportedJson } from '../../show/printable.ts';
import { tableLines } from '../../show/table.ts';
import type { Outline } from './outline.ts';
import type { Target } from './targets.ts';

/** An outline as tables for people. Ends with a line feed. */
export function outlineText(outline: Outline): string {
  const { name, description, args, secrets, ssh } = outline;
  const sections = [
    [...field('TARGET', name), ...field('DESCRIPTION', description)],
    table(
      ['BUILD ARG', 'VALUE', 'DESCRIPTION'],
      args.map((arg) => [arg.name, arg.value ?? '', arg.description ?? '']),
    ),
    table(
      ['SECRET', 'REQUIRED'],
      secrets.map((secret) => [secret.name, required(secret.isRequired)]),
    ),
    table(
      ['SSH', 'REQUIRED'],
      ssh.map((agent) => [agent.name, required(agent.isRequired)]),
    ),
  ].filter((lines) => lines.length > 0);
  return sections.length === 0
    ? 'Nothing can be given to this target\n'
    : `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

/** An outline as BuildKit's JSON (frontend/subrequests/outline). Ends with a line feed. */
export function outlineJson(outline: Outline, sources: readonly Source[]): string {
  const mount = (item: Outline['secrets'][number]): object => ({
    name: item.name,
    required: item.isRequired || undefined,
    location: locationOf(item.span, sources),
  });
  return json({
    name: outline.name,
    description: outline.description,
    args: unlessEmpty(
      outline.args.map(({ name, value, description, instructionSpan }) => ({
        name,
        description,
        value: value === '' ? undefined : value,
        location: locationOf(instructionSpan, sources),
      })),
    ),
    secrets: unlessEmpty(outline.secrets.map(mount)),
    ssh: unlessEmpty(outline.ssh.map(mount)),
    sources: sourcesOf(sources),
  });
}

/** The targets as a table for people. Ends with a line feed. */
export function targetsText(targets: readonly Target[]): string {
  const rows = targets.map(({ name, isDefault, base, description }) => [
    isDefault ? `${name ?? ''} (default)`.trim() : (name ?? ''),
    base,
    description ?? '',
  ]);
  return `${table(['TARGET', 'BASE', 'DESCRIPTION'], rows).join('\n')}\n`;
}

/** The targets as BuildKit's JSON (frontend/subrequests/targets). Ends with a line feed. */
export function targetsJson(targets: readonly Target[], sources: readonly Source[]): string {
  return json({
    targets: targets.map(({ name, isDefault, base, platform, description, span }) => ({
      name,
      default: isDefault || undefined,
      description,
      base,
      platform,
      location: locationOf(span, sources),
    })),
    sources: sourcesOf(sources),
  });
}

function required(isRequired: boolean): string {
  return isRequired ? 'true' : '';
}

function json(value: object): string {
  return `${reportedJson(value, 2)}\n`;
}

/** A Location of BuildKit (solver/pb/ops.proto): a range for each line of the instruction. */
function locationOf({ source: sourceIndex, start, end }: Span, sources: readonly Source[]): object | undefined {
  const source = sources[sourceIndex];
  if (source === undefined) return undefined;
  const first = positionOf(source, start).line;
  const lines = Array.from({ length: positionOf(source, end).line - first + 1 }, (_, index) => first + index);
  return { sourceIndex, ranges: lines.map((line) => ({ start: { line }, end: { line } })) };
}

/** The files, in the order of `sourceIndex`, as Go writes bytes. */
function sourcesOf(sources: readonly Source[]): readonly string[] {
  return sources.map(({ text }) => Buffer.from(hidePasswords(text), 'utf8').toString('base64'));
}

function unlessEmpty(items: readonly object[]): readonly object[] | undefined {
  return items.length === 0 ? undefined : items;
}

function field(title: string, value: string | undefined): readonly string[] {
  return value === undefined ? [] : [`${title}: ${printableLine(value)}`];
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  return rows.length === 0 ? [] : tableLines([header, ...rows], { gap: 3 });
}
