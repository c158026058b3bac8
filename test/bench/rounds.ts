import { CommandFailed, median } from './measure.ts';
import type { Build, Output, Tool } from './tools/tool.ts';
import type { Phase, Workload } from './workloads.ts';

/** Milliseconds by tool, medians of the same rounds. A text is the reason why there is no number. */
export type Row = ReadonlyMap<string, number | string>;

/** What is measured how. */
export interface Rounds {
  readonly tools: readonly Tool[];
  readonly context: string;
  readonly repeats: number;
  /** Where pushes go; undefined: there is none. */
  readonly registry: string | undefined;
  readonly isWanted: (row: string) => boolean;
  /** Waits until nothing of what was done before goes on, as far as that can be. */
  readonly settle: () => Promise<unknown>;
}

// Tools that no bar is about are not waited for as long.
const longEnoughMs = 8000;

/** Measures the phases of a workload one after another; in each round the tools take turns. */
export async function* measureWorkload(workload: Workload, rounds: Rounds): AsyncGenerator<readonly [name: string, row: Row]> {
  const tools = rounds.tools.filter(({ isOther }) => workload.isPulled !== true || isOther !== true);
  let isBuilt = false;
  for (const phase of workload.phases) {
    const name = rowName(workload, phase);
    const output = outputOfPhase(phase, rounds.registry);
    if (!rounds.isWanted(name) || output === undefined) continue;
    yield [name, await measurePhase(phase, { ...rounds, tools, isBuilt, output })];
    isBuilt = true;
  }
  for (const tool of tools) await tool.forget?.();
}

/** As it stands in tables. */
export function rowName({ name }: Workload, phase: Phase): string {
  return `${name}, ${phase.name}`;
}

function outputOfPhase({ output }: Phase, registry: string | undefined): Output | undefined {
  if (output !== 'push') return output;
  return registry === undefined ? undefined : { kind: 'push', registry };
}

interface PhaseRounds extends Rounds {
  readonly output: Output;
  /** A phase before it was measured. */
  readonly isBuilt: boolean;
}

async function measurePhase(phase: Phase, rounds: PhaseRounds): Promise<Row> {
  const measured = rounds.tools
    .filter(({ isFollower }) => isFollower !== true || phase.kind === 'no-op')
    .map((tool) => new Measured(tool));
  const build: Build = { context: rounds.context, isCold: phase.kind === 'cold', output: rounds.output };
  // What a phase begins with is what the one before has left; followers have no earlier one, and a push has not been before.
  if (!build.isCold) for (const one of measured) await one.prepare({ ...build, isCold: !rounds.isBuilt && !one.isFollower });
  for (let round = 0; round < rounds.repeats; round += 1) {
    phase.change?.(rounds.context, nextChange());
    // Who is first changes, since each leaves work for the disk behind.
    for (const one of rotated(measured, round)) {
      await rounds.settle();
      await one.measure(build);
    }
  }
  return new Map(measured.map((one) => [one.name, one.result]));
}

let changes = 0;

function nextChange(): number {
  changes += 1;
  return changes;
}

class Measured {
  readonly #tool: Tool;
  readonly #times: number[] = [];
  #problem: string | undefined;

  constructor(tool: Tool) {
    this.#tool = tool;
  }

  get name(): string {
    return this.#tool.name;
  }

  get isFollower(): boolean {
    return this.#tool.isFollower === true;
  }

  get result(): number | string {
    return this.#problem ?? median(this.#times);
  }

  async prepare(build: Build): Promise<void> {
    await this.#try(() => this.#tool.build(build));
  }

  async measure(build: Build): Promise<void> {
    const tookMs = this.#times.reduce((sum, time) => sum + time, 0);
    if (this.#tool.isOther === true && tookMs > longEnoughMs) return;
    await this.#try(async () => this.#times.push(await this.#tool.build(build)));
  }

  async #try(action: () => Promise<unknown>): Promise<void> {
    if (this.#problem !== undefined) return;
    try {
      await action();
    } catch (error) {
      if (!(error instanceof CommandFailed)) throw error;
      this.#problem = error.message;
    }
  }
}

function rotated<T>(list: readonly T[], by: number): readonly T[] {
  const at = by % Math.max(1, list.length);
  return [...list.slice(at), ...list.slice(0, at)];
}
