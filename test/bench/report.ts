import { barName, isMet, reference, type Verdict } from './bars.ts';
import type { CopyCost } from './costs/copy-cost.ts';
import type { Figures } from './figures.ts';
import type { Row } from './rounds.ts';

/** A row as a line: milliseconds by tool, then why a tool has none. */
export function rowText(name: string, row: Row, tools: readonly string[]): string {
  const cells = tools.map((tool) => cell(row.get(tool)).padStart(14));
  const reasons = [...row].flatMap(([tool, value]) => (typeof value === 'string' ? [`\n  ${tool}: ${value}`] : []));
  return `${name.padEnd(44)}${cells.join('')}${reasons.join('')}`;
}

/** The names of the tools, above their columns. */
export function headText(tools: readonly string[]): string {
  return `${''.padEnd(44)}${tools.map((tool) => tool.padStart(14)).join('')}`;
}

/** Each bar with its ratio, and how many are not met. */
export function barsText(verdicts: readonly Verdict[]): string {
  const short = verdicts.filter((verdict) => isMet(verdict) === false).map(barName);
  const measured = verdicts.filter(({ ratio }) => ratio !== undefined);
  const missing = verdicts.length - measured.length;
  return [
    `tsbuild / ${reference}, and what it is at most:`,
    ...measured.map(barLine),
    short.length === 0 ? 'No measured row is above its bar.' : `Above their bars: ${short.join('; ')}`,
    ...(missing === 0 ? [] : [`Not measured: ${missing} of ${verdicts.length}`]),
  ].join('\n');
}

/** What was measured beside builds. */
export function costsText({ rows, costs }: Figures): string {
  const { nodeMs, processMs, transfers = [], copying } = costs;
  const runMs = (numberIn(rows, '20 RUN, cold') - numberIn(rows, '1 RUN, cold')) / 19;
  return [
    ...(nodeMs === undefined ? [] : [`start of Node ${nodeMs.toFixed(0)} ms`]),
    ...(processMs === undefined ? [] : [`one process in seven namespaces ${processMs.toFixed(2)} ms`]),
    ...(Number.isFinite(runMs) ? [`one more RUN step takes ${runMs.toFixed(1)} ms`] : []),
    ...transfers.map(({ name, tsbuild, skopeo }) => {
      const times = `tsbuild ${tsbuild.toFixed(0)} ms, skopeo ${skopeo.toFixed(0)} ms`;
      return `${name} over loopback: ${times}, ${(skopeo / tsbuild).toFixed(2)} times as long (goal: 1)`;
    }),
    ...(copying === undefined ? [] : [copyText(copying)]),
  ].join('\n');
}

function cell(value: number | string | undefined): string {
  if (value === undefined) return '-';
  return typeof value === 'string' ? 'failed' : `${value.toFixed(0)} ms`;
}

function barLine(verdict: Verdict): string {
  const { ratio, most } = verdict;
  const word = isMet(verdict) === true ? 'met' : 'ABOVE';
  return `${barName(verdict).padEnd(64)}${(ratio?.toFixed(2) ?? '-').padStart(6)} ${most.toFixed(2).padStart(6)}  ${word}`;
}

function copyText({ copyMs, firstMs, tarMs, treeMs }: CopyCost): string {
  const [copyMore, firstMore] = [copyMs / tarMs, firstMs / tarMs].map((ratio) => ratio.toFixed(2));
  return [
    `copying 40,000 files takes ${copyMs.toFixed(0)} ms, packing them with GNU tar ${tarMs.toFixed(0)} ms: ${copyMore} times as long (goal: 1)`,
    `as the first thing that a process does, it takes ${firstMs.toFixed(0)} ms, ${firstMore} times as long`,
    `packing and unpacking with GNU tar takes ${treeMs.toFixed(0)} ms`,
  ].join('\n');
}

function numberIn(rows: Figures['rows'], name: string): number {
  const value = rows[name]?.['tsbuild'];
  return typeof value === 'number' ? value : Number.NaN;
}
