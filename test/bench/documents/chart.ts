import { barName, isMet, reference, type Verdict } from '../bars.ts';

const width = 960;
const nameWidth = 400;
const chartWidth = 380;
const rowHeight = 26;
const top = 56;
const colors = { met: '#2e7d32', above: '#c62828', line: '#9e9e9e', text: '#212121', ground: '#ffffff' };

/** A bar for each ratio, a tick where it may end at most, and a line where both take as long, as SVG. */
export function barChart(verdicts: readonly Verdict[]): string {
  const height = top + verdicts.length * rowHeight + 16;
  const longest = Math.max(1.2, ...verdicts.flatMap(({ ratio, most }) => [ratio ?? 0, most])) * 1.02;
  const x = (ratio: number): number => nameWidth + (ratio / longest) * chartWidth;
  const one = x(1).toFixed(1);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>Time of tsbuild as a multiple of the time of ${reference}</title>`,
    `<rect width="${width}" height="${height}" fill="${colors.ground}"/>`,
    `<g font-family="sans-serif" font-size="13" fill="${colors.text}">`,
    `<text x="16" y="24" font-size="16">Time of tsbuild as a multiple of ${reference}'s: less is better; the tick is the most it may be</text>`,
    `<line x1="${one}" y1="${top - 12}" x2="${one}" y2="${height - 12}" stroke="${colors.line}" stroke-dasharray="4 3"/>`,
    `<text x="${one}" y="${top - 16}" text-anchor="middle" fill="${colors.line}">1</text>`,
    ...verdicts.map((verdict, index) => barOf(verdict, { y: top + index * rowHeight, x })),
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}

interface Place {
  readonly y: number;
  readonly x: (ratio: number) => number;
}

function barOf(verdict: Verdict, { y, x }: Place): string {
  const { ratio, most } = verdict;
  const color = isMet(verdict) === false ? colors.above : colors.met;
  const length = (x(ratio ?? 0) - x(0)).toFixed(1);
  const tick = x(most).toFixed(1);
  return [
    `<text x="${nameWidth - 10}" y="${y + 13}" text-anchor="end">${escaped(barName(verdict))}</text>`,
    `<rect x="${nameWidth}" y="${y + 2}" width="${length}" height="${rowHeight - 10}" fill="${color}"/>`,
    `<line x1="${tick}" y1="${y - 1}" x2="${tick}" y2="${y + rowHeight - 5}" stroke="${colors.text}" stroke-width="2"/>`,
    `<text x="${nameWidth + chartWidth + 10}" y="${y + 13}">${escaped(valueText(verdict))}</text>`,
  ].join('\n');
}

function valueText({ ratio, tsbuild, other, most }: Verdict): string {
  if (ratio === undefined || tsbuild === undefined || other === undefined) return 'not measured';
  return `${ratio.toFixed(2)} of ${most}: ${tsbuild.toFixed(2)} / ${other.toFixed(2)} s`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
