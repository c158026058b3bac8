import type { Store } from '../../cache/store.ts';
import type { Confinement } from '../../executor/protocol/confinement.ts';
import type { Source } from '../../parser/syntax/span.ts';
import type { LayerFacts } from '../../registry/oci/layer/layer-facts.ts';
import type { Platform } from '../../registry/oci/platform.ts';
import type { BaseSteps } from '../bases/base-steps.ts';
import type { ImageLookup } from '../bases/image-lookup.ts';
import type { CopyLists } from '../context/copy-list.ts';
import type { StepId } from '../contract/events.ts';
import type { ContextTrees } from '../inputs/context-trees.ts';
import type { StepKey } from '../keys/step-key.ts';
import type { BegunBlobs } from '../layers/begun-blobs.ts';
import type { LayerForm } from '../layers/layer-blobs.ts';
import type { RootFolders } from '../layers/root-folders.ts';
import type { RootState } from '../layers/root-state.ts';
import type { Plan, PlannedStage, PlannedStep } from '../plan/model/plan.ts';
import type { DevicesOfRuns } from '../sandbox/devices/resolve-devices.ts';
import type { RunNetwork } from '../sandbox/run-network.ts';
import type { FirstFailure } from '../session/first-failure.ts';
import type { LazyWorker } from '../session/lazy-worker.ts';
import type { Tell } from '../session/tell.ts';
import type { WorkerIds } from '../session/worker-ids.ts';
import type { Settings } from '../settings/settings.ts';
import type { StepLimits } from './step-limits.ts';

/** A stage in its plan. */
export interface StageOfPlan {
  readonly plan: Plan;
  readonly stage: PlannedStage;
}

/** What a stage has become by one of its steps. */
export interface ReachedState extends StageOfPlan {
  readonly step: PlannedStep;
  readonly root: RootState;
}

/** What all stages of one plan share while it is solved. */
export interface Solving {
  readonly options: Settings;
  readonly platform: Platform;
  /** The Containerfile's sources, for messages. */
  readonly sources: readonly Source[];
  readonly store: Store;
  readonly worker: LazyWorker;
  readonly network: RunNetwork;
  readonly ids: WorkerIds;
  readonly folders: RootFolders;
  /** Asks registries, and downloads. */
  readonly lookup: ImageLookup;
  readonly bases: BaseSteps;
  readonly contexts: ContextTrees;
  readonly devices: DevicesOfRuns;
  /** How commands are confined, where that is not as usual. */
  readonly confinement: Confinement | undefined;
  /** The steps that this build has run or runs, by key: another stage or platform with the same step takes the result. */
  readonly ran: Map<StepKey, Promise<LayerFacts>>;
  /** What workers copy by. */
  readonly lists: CopyLists;
  /** Bounds how many steps act at the same time. */
  readonly limits: StepLimits;
  /** When the build began by the clock of the store's file system, in nanoseconds. */
  readonly buildStartNs: () => Promise<string>;
  /** The forms that the layers of a stage leave in; none when they stay, or when that is known at the end. */
  readonly leavesAs: (stage: StageOfPlan) => readonly LayerForm[];
  /** The blobs of layers that this build has begun. */
  readonly begun: BegunBlobs;
  /** Told of each state, also of those that were cached. */
  readonly onReached: (state: ReachedState) => void;
  readonly tell: Tell;
  readonly nextId: () => StepId;
  /** Aborted by the caller or by the first failure. */
  readonly signal: AbortSignal;
  readonly failure: FirstFailure;
}
