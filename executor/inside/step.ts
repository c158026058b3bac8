import { chmodSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { isSyscallError } from '../../native/syscall-error.ts';
import type { LayerFacts } from '../../registry/oci/layer/layer-facts.ts';
import type { Lowers } from '../protocol/actions.ts';
import type { StepResult, WorkerRequest } from '../protocol/messages.ts';
import { commitLayer } from './commit/commit.ts';
import { gatherLayers } from './commit/gather-layers.ts';
import { removePath } from './files/remove.ts';
import { packedLayer } from './layer/layer-files.ts';
import { knownMount } from './overlay/known-tree.ts';
import { mountRootfs, type ReadOnlyRootfs } from './overlay/rootfs.ts';
import type { RequestContext } from './request/request-context.ts';

type StepRequest = Extract<WorkerRequest, { readonly kind: 'step' }>;

/**
 * Carries out an action on top of `lowers` and makes a layer of what it changed: `directory`/fs and `directory`/index. When it fails
 * nothing is left behind. Nothing is synced.
 */
export async function step(asked: StepRequest, context: RequestContext): Promise<StepResult> {
  try {
    const added = mayAdd(asked) ? await add(asked, context) : undefined;
    if (added !== undefined) return added;
    const request = { ...asked, lowers: await gatheredLowers(asked) };
    using base = looksBelow(request) ? mountBase(request, asked.lowers, context) : undefined;
    return (await pack(request, { base, context })) ?? (await actAndCommit(request, { base, context }));
  } catch (error) {
    await removeParts(asked.directory);
    throw error;
  }
}

/** In chains of many steps small layers are gathered before they are mounted. */
function gatheredLowers({ lowers, directory }: StepRequest): Promise<Lowers> {
  return gatherLayers(lowers, path.dirname(directory));
}

/** What cannot be removed goes with the build's folder, or with a later build; why the step failed is the news. */
async function removeParts(directory: string): Promise<void> {
  for (const name of ['fs', 'index', packedLayer, 'work', 'merged', 'empty']) {
    try {
      await removePath(path.join(directory, name));
    } catch (error) {
      if (!isSyscallError(error)) throw error;
    }
  }
}

/** What a step has beside its request. */
interface StepPlace {
  /** What is below as one tree: mounting it costs the more the more layers there are. */
  readonly base: ReadOnlyRootfs | undefined;
  readonly context: RequestContext;
}

function looksBelow(request: StepRequest): boolean {
  return !startsEmpty(request) || request.action.kind === 'run' || mayBePacked(request);
}

function mayBePacked({ action, mayPack }: StepRequest): boolean {
  return mayPack === true && action.kind === 'copy';
}

/** `lowers` are the layers as they were asked for. */
function mountBase(request: StepRequest, lowers: Lowers, context: RequestContext): ReadOnlyRootfs {
  if (startsEmpty(request)) return mountRootfs({ lowers: [], context });
  return (mayAdd(request) ? knownMount(lowers) : undefined) ?? mountRootfs({ lowers: request.lowers, context });
}

/** What packing does not want is put into the layer folder itself where nothing is in its way. */
function mayAdd({ action, lowers, mayPack }: StepRequest): boolean {
  if (lowers.length === 0 || (mayPack === true && packsFolder(action))) return false;
  return action.kind === 'copy' || action.kind === 'make-directory';
}

function packsFolder(action: StepRequest['action']): boolean {
  return action.kind === 'copy' && action.groups.some(({ sourceType }) => sourceType === 'directory');
}

/** undefined, and nothing made, when the tree below has to be mounted. */
async function add(request: StepRequest, context: RequestContext): Promise<LayerFacts | undefined> {
  const { addToLayer } = await import('./copy/add-to-layer.ts');
  const facts = await addToLayer(request, context, () => gatheredLowers(request));
  if (facts !== undefined) await checkResult(request, context);
  return facts;
}

async function actAndCommit(request: StepRequest, place: StepPlace): Promise<LayerFacts> {
  await act(request, place);
  const facts = await commit(request, place);
  await checkResult(request, place.context);
  return facts;
}

/** undefined when the step's layer has to be a folder. */
async function pack(request: StepRequest, { base, context }: StepPlace): Promise<StepResult | undefined> {
  const { action, directory, blob, buildStartNs } = request;
  if (action.kind !== 'copy' || !mayBePacked(request) || base === undefined) return undefined;
  const { packCopy } = await import('./copy/pack-copy.ts');
  return await packCopy(action, { basePath: base.path, directory, blob, buildStartNs: BigInt(buildStartNs) }, context);
}

async function act(request: StepRequest, { base, context }: StepPlace): Promise<void> {
  const { action, directory } = request;
  if (action.kind === 'merge') {
    const { mergeLayers } = await import('./commit/merge-layers.ts');
    await mergeLayers(action.layers, newLayerFolder(directory), context.signal);
    return;
  }
  if (action.kind !== 'run' && startsEmpty(request)) {
    // What is put into an empty tree can be put into the layer folder itself.
    await put(action, newLayerFolder(directory), context);
    return;
  }
  using rootfs = mountRootfs({ directory, lowers: request.lowers, context });
  if (action.kind === 'run') {
    const { runAction } = await import('./run/run-action.ts');
    await runAction(action, { rootfs, base: base?.path ?? rootfs.path }, context);
  } else {
    await put(action, rootfs.path, context);
  }
}

async function checkResult({ action, directory }: StepRequest, { signal }: RequestContext): Promise<void> {
  if (action.kind !== 'copy') return;
  const { checkCopied } = await import('./copy/check-copied.ts');
  await checkCopied(action, path.join(directory, 'index'), signal);
}

function newLayerFolder(directory: string): string {
  const folder = path.join(directory, 'fs');
  mkdirSync(folder);
  chmodSync(folder, 0o755);
  return folder;
}

async function put(
  action: Extract<StepRequest['action'], { readonly kind: 'copy' | 'make-directory' }>,
  root: string,
  context: RequestContext,
): Promise<void> {
  const { copyAction, makeDirectoryAction } = await import('./copy/copy-action.ts');
  if (action.kind === 'copy') {
    await copyAction(action, { root, names: root }, context);
  } else {
    makeDirectoryAction(action, { root, names: root });
  }
}

async function commit(request: StepRequest, { base, context }: StepPlace): Promise<LayerFacts> {
  const { directory } = request;
  const options = {
    directory,
    buildStartNs: BigInt(request.buildStartNs),
    signal: context.signal,
    warn: (message: string) => context.warn(message),
  };
  return await commitLayer({ ...options, base: startsEmpty(request) ? undefined : base?.path });
}

/** `COPY --link` does not look at what is below: its layer is the same on any parent. */
function startsEmpty({ action, lowers }: StepRequest): boolean {
  return lowers.length === 0 || (action.kind === 'copy' && action.isLink);
}
