import { barName, isMet, judge, reference, type Verdict } from '../bars.ts';
import type { Figures } from '../figures.ts';
import { costsText } from '../report.ts';
import { barChart } from './chart.ts';

/** The figures in docs/, which hold what the next run of the same kind is compared with. */
export const documentPaths = {
  figures: 'docs/performance.json',
  chart: 'docs/performance.svg',
  page: 'docs/performance.md',
} as const;

/** What stands in docs/ of some figures: the part of the page, and the chart. */
export function documentsOf(figures: Figures): { readonly section: string; readonly chart: string } {
  const verdicts = judge(
    new Map(Object.entries(figures.rows).map(([name, row]) => [name, new Map(Object.entries(row))])),
    figures.node,
  );
  return { section: sectionText(figures, verdicts), chart: barChart(verdicts) };
}

const begin = '<!-- figures -->\n';
const end = '<!-- end -->';

/** The page with a new part between its two marks. */
export function withSection(page: string, section: string): string {
  const start = page.indexOf(begin) + begin.length;
  const stop = page.indexOf(end, start);
  if (start < begin.length || stop < 0) throw new Error(`${documentPaths.page} has no place for figures`);
  return `${page.slice(0, start)}${section}${page.slice(stop)}`;
}

function sectionText(figures: Figures, verdicts: readonly Verdict[]): string {
  return [
    introduction(figures),
    '',
    `| | tsbuild | ${reference} | ratio | at most | |`,
    '| --- | --- | --- | --- | --- | --- |',
    ...verdicts.map(verdictLine),
    '',
    ...toolLines(figures),
    ...costLines(figures),
  ].join('\n');
}

function introduction({ date, machine, repeats, tools, rows }: Figures): string {
  if (Object.keys(rows).length === 0) return 'Not measured yet.';
  const { system, kernel, processors, processor, memoryGB } = machine;
  const versions = Object.entries(tools).map(([name, version]) => `${name}: ${version}`);
  const place = `${system}, Linux ${kernel}, ${processors} processors (${processor}), ${memoryGB} GB`;
  return `Measured on ${date}, medians of ${repeats}, in seconds. ${place}. ${versions.join('; ')}.`;
}

function toolLines({ rows }: Figures): readonly string[] {
  const names = [...new Set(Object.values(rows).flatMap(Object.keys))];
  if (names.length === 0) return [];
  return [
    'All rows and tools, in seconds:',
    '',
    `| | ${names.join(' | ')} |`,
    `| --- |${names.map(() => ' --- |').join('')}`,
    ...Object.entries(rows).map(([name, row]) => `| ${[name, ...names.map((tool) => seconds(row[tool]))].join(' | ')} |`),
    '',
  ];
}

function costLines(figures: Figures): readonly string[] {
  const text = costsText(figures);
  return text === '' ? [] : ['Beside builds:', '', ...text.split('\n').map((line) => `- ${line}`), ''];
}

function verdictLine(verdict: Verdict): string {
  const { tsbuild, other, ratio, most } = verdict;
  const words = { true: 'met', false: '**above**', undefined: 'not measured' };
  const [own, others, quotient] = [tsbuild, other, ratio].map((number) => number?.toFixed(2) ?? '');
  return `| ${barName(verdict)} | ${own} | ${others} | ${quotient} | ${most} | ${words[`${isMet(verdict)}`]} |`;
}

function seconds(value: number | string | undefined): string {
  if (value === undefined) return '';
  return typeof value === 'string' ? value : (value / 1000).toFixed(2);
}
