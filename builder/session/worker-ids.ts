import type { Store } from '../../cache/store.ts';
import { type ForeseenIds, foreseeIds } from '../../executor/host/foreseen-ids.ts';
import type { IdPlan } from '../../executor/host/id-map.ts';
import { nameOfIdMap, rangeOfIds } from '../../executor/host/id-map-name.ts';

/**
 * Which ids files and commands can have: foreseen until the worker has started, and then known. They decide which folders of the store fit,
 * since owners on disk follow from them, and are part of what a step depends on.
 */
export class WorkerIds {
  readonly #store: Store;
  readonly #foreseen: ForeseenIds;
  #plan: IdPlan;

  private constructor(store: Store, foreseen: ForeseenIds, plan: IdPlan) {
    this.#store = store;
    this.#foreseen = foreseen;
    this.#plan = plan;
    this.#use();
  }

  /** Looks at the machine, and at what came of it the last time that a worker was started here. */
  static async foresee(store: Store, environment: Readonly<Record<string, string | undefined>>): Promise<WorkerIds> {
    const foreseen = foreseeIds(environment['PATH']);
    const [best, next] = foreseen.plans;
    const isRefused = next !== undefined && (await store.derived.get(nameOf(foreseen))) === refused;
    return new WorkerIds(store, foreseen, isRefused ? next : best);
  }

  /** For keys of steps; undefined when there are as many as everybody counts on. */
  get range(): string | undefined {
    return rangeOfIds(this.#plan);
  }

  /** Takes what a worker really got, and remembers it when that was not foreseen. */
  async learn(plan: IdPlan): Promise<void> {
    const isSurprise = plan.kind !== this.#plan.kind;
    this.#plan = plan;
    this.#use();
    const isBest = plan.kind === this.#foreseen.plans[0].kind;
    if (isSurprise) await this.#store.derived.put(nameOf(this.#foreseen), isBest ? 'worked' : refused);
  }

  #use(): void {
    this.#store.useIdMap(nameOfIdMap(this.#plan, this.#foreseen.sources));
  }
}

const refused = 'refused';

function nameOf({ circumstances }: ForeseenIds): string {
  return JSON.stringify(['id map', 1, circumstances]);
}
