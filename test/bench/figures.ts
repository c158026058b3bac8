import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { judge, type Verdict } from './bars.ts';
import type { CopyCost } from './costs/copy-cost.ts';
import type { Transfer } from './costs/transfers.ts';
import type { Row } from './rounds.ts';

/** What a run has found out. */
export interface Figures {
  /** The day, as `YYYY-MM-DD`. */
  readonly date: string;
  /** The Node of the bench. */
  readonly node: string;
  readonly machine: Machine;
  readonly repeats: number;
  /** Versions by tool, or why it was not measured. */
  readonly tools: Readonly<Record<string, string>>;
  /** Milliseconds by tool, by row. `failed`: there is no number. */
  readonly rows: Readonly<Record<string, Readonly<Record<string, number | string>>>>;
  readonly bars: readonly Verdict[];
  readonly costs: Costs;
}

/** What other things cost, where it was measured. */
export interface Costs {
  readonly nodeMs?: number;
  /** One process in seven namespaces. */
  readonly processMs?: number;
  readonly transfers?: readonly Transfer[];
  readonly copying?: CopyCost;
}

interface Machine {
  readonly processor: string;
  readonly processors: number;
  readonly memoryGB: number;
  readonly kernel: string;
  readonly system: string;
}

interface Run {
  readonly repeats: number;
  readonly tools: Figures['tools'];
  readonly rows: ReadonlyMap<string, Row>;
  readonly costs: Costs;
}

/** Puts together what there is to say of a run on this machine. */
export function figuresOf({ repeats, tools, rows, costs }: Run): Figures {
  return {
    date: new Date().toISOString().slice(0, 10),
    node: process.versions.node,
    machine: thisMachine(),
    repeats,
    tools,
    rows: Object.fromEntries([...rows].map(([name, row]) => [name, roundedRow(row)])),
    bars: judge(rows, process.versions.node),
    costs,
  };
}

/** As JSON, in which no number has more than three decimals. */
export function figuresJson(figures: Figures): string {
  const rounded = (_: string, value: unknown): unknown => (typeof value === 'number' ? Math.round(value * 1000) / 1000 : value);
  return `${JSON.stringify(figures, rounded, 2)}\n`;
}

function roundedRow(row: Row): Figures['rows'][string] {
  return Object.fromEntries([...row].map(([tool, value]) => [tool, typeof value === 'number' ? Math.round(value) : 'failed']));
}

function thisMachine(): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    processors: cpus().length,
    memoryGB: Math.round(totalmem() / 2 ** 30),
    kernel: /^\d+\.\d+/.exec(release())?.[0] ?? 'of unknown version',
    system: /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'Linux',
  };
}
