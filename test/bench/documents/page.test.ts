import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { repositoryRoot } from '../../support/repository.ts';
import { judge } from '../bars.ts';
import type { Figures } from '../figures.ts';
import { barChart } from './chart.ts';
import { documentPaths, documentsOf, withSection } from './page.ts';
import { readFigures, renderDocuments } from './write-documents.ts';

const figures: Figures = {
  date: '2001-02-03',
  node: '20.18.1',
  machine: { processor: 'a processor', processors: 2, memoryGB: 8, kernel: '6.1', system: 'Debian' },
  repeats: 5,
  tools: { tsbuild: 'Node 20.18.1', BuildKit: 'docker 1' },
  rows: { '20 RUN, cold': { tsbuild: 1000, BuildKit: 2000 }, '1 RUN, cold': { tsbuild: 400, BuildKit: 'failed' } },
  bars: [],
  costs: {},
};

test('docs/ shows the figures of docs/performance.json', () => {
  if (process.env['UPDATE_DOCS'] === '1') renderDocuments(readFigures());
  const { section, chart } = documentsOf(readFigures());
  const page = readFileSync(join(repositoryRoot, documentPaths.page), 'utf8');
  assert.equal(page, withSection(page, section), 'UPDATE_DOCS=1 npm test -- bench');
  assert.equal(readFileSync(join(repositoryRoot, documentPaths.chart), 'utf8'), chart);
});

test('documentsOf() has a line for each bar and each row', () => {
  const { section } = documentsOf(figures);
  const lines = section.split('\n');
  assert.ok(lines.includes('| 20 RUN, cold | 1.00 | 2.00 | 0.50 | 0.4 | **above** |'));
  assert.ok(lines.includes('| 40,000 files + 400 MB, cold |  |  |  | 0.35 | not measured |'));
  const rows = [
    '| | tsbuild | BuildKit |',
    '| --- | --- | --- |',
    '| 20 RUN, cold | 1.00 | 2.00 |',
    '| 1 RUN, cold | 0.40 | failed |',
  ];
  assert.ok(section.includes(`\n${rows.join('\n')}\n`));
  assert.ok(lines.includes('- one more RUN step takes 31.6 ms'));
});

test('withSection() needs both marks', () => {
  assert.equal(
    withSection('a\n<!-- figures -->\nold\n<!-- end -->\nb\n', 'new\n'),
    'a\n<!-- figures -->\nnew\n<!-- end -->\nb\n',
  );
  assert.throws(() => withSection('a\n<!-- figures -->\nold\n', 'new\n'), /has no place for figures/);
  assert.throws(() => withSection('a\n<!-- end -->\n', 'new\n'), /has no place for figures/);
});

test('barChart() has a bar as long as the ratio, red above its tick', () => {
  const rows = new Map([
    [
      '20 RUN, cold',
      new Map([
        ['tsbuild', 1000],
        ['BuildKit', 2000],
      ]),
    ],
    [
      'apt-get gcc, cold',
      new Map([
        ['tsbuild', 1000],
        ['BuildKit', 4000],
      ]),
    ],
  ]);
  const chart = barChart(judge(rows, '20.18.1'));
  const bars = [...chart.matchAll(/<rect x="\d+" y="\d+" width="([\d.]+)" height="\d+" fill="(#\w+)"/g)].map(
    ([, width, color]) => ({ width: Number(width), color }),
  );
  const [red, green] = [bars[0], bars.find(({ width, color }) => width > 0 && color !== bars[0]?.color)];
  assert.ok(red !== undefined && green !== undefined && Math.abs(red.width - 2 * green.width) < 1);
  assert.equal(chart.includes('<<'), false);
  assert.match(chart, /^<svg [^]*<\/svg>\n$/);
});
