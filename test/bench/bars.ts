import type { Row } from './rounds.ts';
import { followerName } from './tools/tsbuild-tool.ts';

/** What a build takes at most, as a multiple of BuildKit's time. */
export interface Bar {
  readonly row: string;
  /** The major version of Node. undefined: the one that the bench runs on. */
  readonly node?: number;
  readonly most: number;
}

/** A bar beside what was measured. */
export interface Verdict extends Bar {
  /** undefined: it was not measured. */
  readonly ratio: number | undefined;
  /** Seconds. */
  readonly tsbuild: number | undefined;
  /** Seconds that it is a ratio to, of BuildKit but for one bar. */
  readonly other: number | undefined;
  /** What it is a ratio to. */
  readonly otherName: string;
}

export const reference = 'BuildKit';

/** The promises. All are ratios of medians of one run. */
export const bars: readonly Bar[] = [
  { row: '20 RUN, cold', most: 0.4 },
  { row: '20 RUN, no-op', node: 24, most: 1.25 },
  { row: '20 RUN, no-op', node: 20, most: 2.5 },
  { row: '100 ENV + 100 COPY, cold', most: 0.5 },
  { row: '100 ENV + 100 COPY, no-op', node: 24, most: 0.6 },
  { row: '6 stages of 1 s, cold', most: 1 },
  { row: '40,000 files + 400 MB, cold', most: 0.35 },
  { row: '40,000 files + 400 MB, no-op', most: 0.3 },
  { row: '40,000 files + 400 MB, one changed', most: 0.15 },
  { row: 'Debian pulled, RUN true, cold', most: 0.35 },
  { row: 'apt-get gcc, cold', most: 0.85 },
  { row: 'apt-get gcc, zstd, cold', most: 0.8 },
  { row: '40,000 files + 400 MB, one changed, pushed', most: 0.2 },
];

/** Stages that wait for a second, all at once: beside that second and a cold start, which is what a file of one RUN takes. */
const stagesBar = { row: '6 stages of 1 s, cold', startRow: '1 RUN, cold', waitMs: 1000, most: 1.15 };

/** Each bar with what was measured. */
export function judge(rows: ReadonlyMap<string, Row>, ownNode: string): readonly Verdict[] {
  const own = Number(ownNode.split('.')[0]);
  const verdicts = bars.map((bar) => {
    const tool = bar.node === undefined || bar.node === own ? 'tsbuild' : followerName(`${bar.node}`);
    return verdictOf(bar, {
      tsbuild: numberIn(rows, bar.row, tool),
      other: numberIn(rows, bar.row, reference),
      otherName: reference,
    });
  });
  const startMs = numberIn(rows, stagesBar.startRow, 'tsbuild');
  const stages = verdictOf(
    { row: stagesBar.row, most: stagesBar.most },
    {
      tsbuild: numberIn(rows, stagesBar.row, 'tsbuild'),
      other: startMs === undefined ? undefined : startMs + stagesBar.waitMs,
      otherName: 'one second + 1 RUN, cold',
    },
  );
  const at = verdicts.findIndex(({ row }) => row === stagesBar.row) + 1;
  return verdicts.toSpliced(at, 0, stages);
}

/** Whether the ratio, as it is printed, is not above the bar. undefined: it was not measured. */
export function isMet({ ratio, most }: Verdict): boolean | undefined {
  return ratio === undefined ? undefined : Number(ratio.toFixed(2)) <= most;
}

/** What a bar is about, in words. */
export function barName({ row, node, otherName }: Verdict): string {
  return `${row}${node === undefined ? '' : ` on Node ${node}`}${otherName === reference ? '' : `, beside ${otherName}`}`;
}

interface Times {
  readonly tsbuild: number | undefined;
  readonly other: number | undefined;
  readonly otherName: string;
}

function verdictOf(bar: Bar, { tsbuild, other, otherName }: Times): Verdict {
  const ratio = tsbuild === undefined || other === undefined ? undefined : tsbuild / other;
  return { ...bar, ratio, tsbuild: seconds(tsbuild), other: seconds(other), otherName };
}

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000;
}

function numberIn(rows: ReadonlyMap<string, Row>, row: string, tool: string): number | undefined {
  const value = rows.get(row)?.get(tool);
  return typeof value === 'number' ? value : undefined;
}
