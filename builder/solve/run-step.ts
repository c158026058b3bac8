import type { Snapshot } from '../../cache/snapshots/snapshot-store.ts';
import type { Store } from '../../cache/store.ts';
import { ExecutorError } from '../../executor/host/errors.ts';
import type { Action, Lowers } from '../../executor/protocol/actions.ts';
import type { WorkerFailure } from '../../executor/protocol/failures.ts';
import { chainIdOf, type Digest } from '../../registry/oci/digest.ts';
import type { LayerFacts } from '../../registry/oci/layer/layer-facts.ts';
import { Pace } from '../../registry/oci/pace.ts';
import { unreachable } from '../../registry/oci/unreachable.ts';
import { SourceError } from '../context/source-error.ts';
import { StepError, UsageError } from '../contract/errors.ts';
import { explain } from '../keys/explain.ts';
import { isOnAnyBase, type KeyedStep, stepKey } from '../keys/step-key.ts';
import { type PackedBlob, packedBlob } from '../layers/layer-blobs.ts';
import { layerOnBase } from '../layers/linked-layer.ts';
import type { OnProgress } from '../layers/root-folders.ts';
import { chainIdOfRoot } from '../layers/root-state.ts';
import { verifyLayers } from '../layers/verify-layers.ts';
import { stepTitle } from '../plan/instructions/titles.ts';
import { Cleanup } from '../session/cleanup.ts';
import { setErrorPlace } from '../session/error-place.ts';
import { OutputTail } from '../session/output-tail.ts';
import type { ShownStep } from '../session/shown-step.ts';
import { isLarge } from './large-copy.ts';
import { makeLayer } from './make-layer.ts';
import { prepareAdd } from './prepare-add.ts';
import { prepareCopy } from './prepare-copy.ts';
import { prepareRun } from './prepare-run.ts';
import type { PreparedStep } from './prepared-step.ts';
import type { PlacedStep, StageSolving } from './solved-stage.ts';

/** How a step came out. */
export interface StepOutcome {
  readonly facts: LayerFacts;
  readonly isCached: boolean;
  /** Why it was not cached, when that was asked for. */
  readonly reason: string | undefined;
}

interface StepContext {
  readonly placed: PlacedStep;
  readonly shown: ShownStep;
  readonly around: StageSolving;
}

/** Looks a step up in the cache, and carries it out when it is not there. @throws StepError, or what the store or the worker throws */
export async function runStep(placed: PlacedStep, { shown, around }: Omit<StepContext, 'placed'>): Promise<StepOutcome> {
  const work: StepContext = { placed, shown, around };
  // Reading a large context takes time that people should see; all else begins when its inputs are there.
  if (readsContext(placed.action)) shown.start();
  let failed: { readonly key: string; readonly error: unknown } | undefined;
  for (;;) {
    const prepared = await prepareStep(work);
    const keyed = keyOf(prepared, work);
    if (failed?.key === keyed.key) throw failed.error;
    try {
      return await lookUpOrRun(prepared, keyed, work);
    } catch (error) {
      if (!isSourceChanged(error)) throw error;
      // Without the files that have vanished it is another step; what is there but has changed stays a failure.
      failed = { key: keyed.key, error };
      await around.solving.contexts.forgetVanished();
    }
  }
}

function keyOf({ action }: PreparedStep, { placed, around }: StepContext): KeyedStep {
  const { ids } = around.solving;
  return stepKey({ action, parent: chainIdOfRoot(placed.root), platform: placed.stage.platform, ids: ids.range });
}

function isSourceChanged(error: unknown): boolean {
  return error instanceof StepError && error.failure.kind === 'refused' && error.failure.code === 'source-changed';
}

async function lookUpOrRun(prepared: PreparedStep, keyed: KeyedStep, work: StepContext): Promise<StepOutcome> {
  const { placed, around } = work;
  const cached = placed.stage.isCacheIgnored ? undefined : await cachedFacts(keyed, prepared, work);
  if (cached !== undefined) return { facts: cached, isCached: true, reason: undefined };
  const current = { key: keyed.key, components: keyed.components };
  let inputs = await orStepError(work, () => prepared.inputs());
  let reason: string | undefined;
  if (around.solving.options.explain === true) {
    const lines = await listOf(inputs, around.solving.signal);
    reason = await missReason({ ...current, inputs: lines }, work);
    inputs = lines;
  }
  const { ran, limits } = around.solving;
  const same = ran.get(keyed.key);
  if (same !== undefined) {
    await same;
    const facts = await cachedFacts(keyed, prepared, work);
    if (facts !== undefined) return { facts, isCached: true, reason: undefined };
  }
  work.shown.wait();
  const running = limits.of(placed.action.kind)(() => carryOut(prepared, work));
  ran.set(keyed.key, running);
  // Of a large context, writing its lines takes a while; the worker is busy with the step meanwhile.
  const written = around.solving.store.steps.writeLatest(slotOf(work), current, inputs);
  const [facts, publish] = await bothOf(running, written);
  publish();
  return { facts, isCached: false, reason };
}

/** Waits for both, also when the other fails. @throws what the first throws, or else the second */
async function bothOf<A, B>(first: Promise<A>, second: Promise<B>): Promise<readonly [A, B]> {
  await Promise.allSettled([first, second]);
  return [await first, await second];
}

/** All of what is made one by one, with pauses. */
async function listOf(lines: Iterable<string>, signal: AbortSignal): Promise<readonly string[]> {
  const pace = new Pace(signal);
  const list: string[] = [];
  for (const line of lines) {
    list.push(line);
    if (pace.isDue()) await pace.turn();
  }
  return list;
}

function readsContext(action: PlacedStep['action']): boolean {
  return action.kind === 'add' || (action.kind === 'copy' && action.from.kind === 'context');
}

function prepareStep(work: StepContext): Promise<PreparedStep> {
  const { placed, around } = work;
  const { action } = placed;
  const onProgress = progressOf(work);
  return orStepError(work, async () => {
    switch (action.kind) {
      case 'run':
        return prepareRun(action, placed, around);
      case 'copy':
        return prepareCopy(action, around, onProgress);
      case 'add':
        return prepareAdd(action, around, onProgress);
      case 'make-directory':
        return { action, inputs: async () => [], materialise: async () => action };
      default:
        return unreachable(action);
    }
  });
}

function progressOf({ shown }: StepContext): OnProgress {
  return (...progress) => shown.progress(...progress);
}

/** What a step needs and cannot have, such as a source or a secret, is shown where the Containerfile names it. */
async function orStepError<T>(work: StepContext, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    if (error instanceof UsageError) setErrorPlace(error, work.around.solving.sources, work.placed.step.span);
    if (!(error instanceof SourceError)) throw error;
    const { message, hint } = error;
    const failure: WorkerFailure = { kind: 'refused', code: 'source', message, ...(hint !== undefined && { hint }) };
    throw stepError(failure, { work, tail: new Uint8Array(), cause: error });
  }
}

async function cachedFacts(
  { key }: KeyedStep,
  { action }: PreparedStep,
  { placed, around }: StepContext,
): Promise<LayerFacts | undefined> {
  const { store } = around.solving;
  const record = await store.steps.get(key);
  if (record === undefined) return undefined;
  const parent = chainIdOfRoot(placed.root);
  const chainId = chainIdOf(parent, record.facts.diffId);
  if ((await store.snapshots.get(chainId)) !== undefined) return record.facts;
  if (record.chainId === chainId || !isOnAnyBase(action)) return undefined;
  const facts = await layerOnBase(record, parent, around.solving);
  if (facts !== undefined) await store.steps.put(key, { chainId, facts });
  return facts;
}

async function missReason(current: Parameters<typeof explain>[1], work: StepContext): Promise<string> {
  if (work.placed.stage.isCacheIgnored) return 'the cache is not used for this stage';
  return explain(await work.around.solving.store.steps.latest(slotOf(work)), current);
}

/** "This step of this file": the same for a Containerfile that is edited, so that changes can be told. */
function slotOf({ placed, around }: StepContext): string {
  const { options, sources } = around.solving;
  const position = placed.stage.steps.indexOf(placed.step);
  return JSON.stringify([options.contextName, sources[0]?.name ?? '', placed.stage.title, position, placed.stage.platform]);
}

async function carryOut(prepared: PreparedStep, work: StepContext): Promise<LayerFacts> {
  const { placed, around } = work;
  const { store, worker, network, bases, signal } = around.solving;
  signal.throwIfAborted();
  // Seen below; until then the base is fetched while the worker, and the network of a RUN, start.
  worker.begin();
  if (placed.action.kind === 'run') network.of(placed.action.network).catch(() => undefined);
  await using cleanup = new Cleanup();
  const onProgress = progressOf(work);
  // The lists of a large context are written while the worker starts, and the base is unpacked.
  const begun = placed.action.kind === 'copy' && readsContext(placed.action) ? prepared.materialise(cleanup) : undefined;
  begun?.catch(() => undefined); // seen below, unless the base cannot be had
  const lowers = await bases.lowersOf(placed.root, { stage: placed.stage, signal, onProgress });
  work.shown.start();
  const action = await orStepError(work, () => begun ?? prepared.materialise(cleanup));
  const tail = new OutputTail();
  try {
    const isAlone = isLeftAlone(placed, around);
    const wanted = {
      action,
      lowers,
      parent: chainIdOfRoot(placed.root),
      mayPack: isAlone || isLarge(action),
      blob: isAlone && action.kind === 'copy' ? await blobOf(work) : undefined,
    };
    const { facts, snapshot } = await makeLayer(
      {
        ...wanted,
        onOutput: (stream, bytes) => showOutput(stream, bytes, { work, tail }),
        onUsage: (usage) => work.shown.took(usage),
      },
      { ...around.solving, worker: placed.action.kind === 'run' ? network.workerOf(placed.action.network) : worker },
    );
    const mounted = mountedBy(action, store);
    // The ids were only foreseen when the step was looked up.
    const { key } = keyOf(prepared, work);
    await store.steps.put(key, { chainId: snapshot.chainId, facts, ...(mounted.length > 0 && { mounted }) });
    return facts;
  } catch (error) {
    if (!(error instanceof ExecutorError)) throw error;
    if (mayBeDamage(error.failure)) {
      // What a COPY refuses is about what it takes.
      const below = error.failure.kind === 'refused' ? [] : lowers;
      await verifyLayers(snapshotsIn(action, below, store), around.solving);
    }
    throw stepError(error.failure, { work, tail: tail.bytes(), cause: error });
  }
}

/** Damage of the files that a step works on can be why it failed, unless its command ran and said so itself. */
function mayBeDamage(failure: WorkerFailure): boolean {
  switch (failure.kind) {
    case 'command-not-started':
    case 'syscall':
    case 'bug':
      return true;
    case 'refused':
      return failure.code === 'source-changed' || failure.code === 'layer-damaged' || failure.code === 'source';
    case 'command-failed':
    case 'cancelled':
      return false;
    default:
      return unreachable(failure);
  }
}

/** The layers that an action starts from, and those that it takes files from. */
function snapshotsIn(action: Action, lowers: Lowers, store: Store): readonly Snapshot[] {
  const sources = [
    ...(action.kind === 'copy' ? action.groups.map(({ source }) => source) : []),
    ...(action.kind === 'run' ? action.mounts.flatMap((mount) => (mount.kind === 'bind' ? [mount.source] : [])) : []),
  ];
  const taken = sources.flatMap((source) => (source.kind === 'rootfs' ? source.lowers : []));
  return [...lowers, ...taken].map((lower) => store.snapshots.ofLower(lower)).filter((snapshot) => snapshot !== undefined);
}

/** The states of stages and images that a command has before it; those below are told by them. */
function mountedBy(action: Action, store: Store): readonly Digest[] {
  const snapshots = action.kind === 'run' ? snapshotsIn(action, [], store) : [];
  const below = new Set(snapshots.map(({ parent }) => parent));
  return [...new Set(snapshots.map(({ chainId }) => chainId))].filter((chainId) => !below.has(chainId));
}

/** A layer whose files nobody needs leaves the way it is made. */
function blobOf({ placed, around }: StepContext): Promise<PackedBlob | undefined> {
  const { store, begun, leavesAs } = around.solving;
  return packedBlob(leavesAs({ plan: around.plan, stage: placed.stage }), { root: placed.root, store, begun });
}

/** True when nothing in this build will need the files that the step makes, but as the layer that they are. */
function isLeftAlone({ step, stage }: PlacedStep, { plan, solving }: StageSolving): boolean {
  const { outputs, squash } = solving.options;
  const isLast = stage.index === plan.target && stage.steps.findLast(({ action }) => action !== undefined) === step;
  return isLast && squash === undefined && !outputs.some(({ kind }) => kind === 'local' || kind === 'tar');
}

function showOutput(
  stream: 'stdout' | 'stderr',
  bytes: Uint8Array,
  { work, tail }: { readonly work: StepContext; readonly tail: OutputTail },
): void {
  tail.push(bytes);
  work.shown.output(stream, bytes);
}

function stepError(
  failure: WorkerFailure,
  { work, tail, cause }: { readonly work: StepContext; readonly tail: Uint8Array; readonly cause: unknown },
): StepError {
  const { plan, solving } = work.around;
  const { step, stage } = work.placed;
  const source = solving.sources[step.span.source] ?? { name: 'Containerfile', text: '' };
  return new StepError({ title: stepTitle(plan, stage, step), source, span: step.span, failure, tail }, { cause });
}
