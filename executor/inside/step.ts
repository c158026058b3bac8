import { chmodSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { isSyscallError } from '../../native/syscall-error.ts';
import type { LayerFacts } from '../../registry/oci/layer/layer-facts.ts';
import type { WorkerRequest } from '../protocol/messages.ts';
import { commitLayer } from './commit/commit.ts';
import { removePath } from './files/remove.ts';
import { packedLayer } from './layer/layer-files.ts';
import { mountRootfs } from './overlay/rootfs.ts';
import type { RequestContext } from './request/request-context.ts';

type StepRequest = Extract<WorkerRequest, { readonly kind: 'step' }>;

/**
 * Carries out an action on top of `lowers` and makes a layer of what it changed: `directory`/fs and `directory`/index. When it fails
 * nothing is left behind. Nothing is synced.
 */
export async function step(request: StepRequest, context: RequestContext): Promise<LayerFacts> {
  try {
    const packed = await pack(request, context);
    if (packed !== undefined) return packed;
    await act(request, context);
    const facts = await commit(request, context);
    await checkResult(request, context);
    return facts;
  } catch (error) {
    await removeParts(request.directory);
    throw error;
  }
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

/** undefined when the step's layer has to be a folder. */
async function pack(request: StepRequest, context: RequestContext): Promise<LayerFacts | undefined> {
  const { action, directory, lowers, mayPack } = request;
  if (mayPack !== true || action.kind !== 'copy') return undefined;
  using base = mountRootfs({ lowers: startsEmpty(request) ? [] : lowers, context });
  const { packCopy } = await import('./copy/pack-copy.ts');
  return await packCopy(action, { basePath: base.path, directory, buildStartNs: BigInt(request.buildStartNs) }, context);
}

async function act(request: StepRequest, context: RequestContext): Promise<void> {
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
    await runAction(action, rootfs, context);
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
    await copyAction(action, root, context);
  } else {
    makeDirectoryAction(action, root);
  }
}

async function commit(request: StepRequest, context: RequestContext): Promise<LayerFacts> {
  const { directory, lowers } = request;
  const options = {
    directory,
    buildStartNs: BigInt(request.buildStartNs),
    signal: context.signal,
    warn: (message: string) => context.warn(message),
  };
  if (startsEmpty(request)) {
    return commitLayer({ ...options, base: undefined });
  }
  using base = mountRootfs({ lowers, context });
  return await commitLayer({ ...options, base: base.path });
}

/** `COPY --link` does not look at what is below: its layer is the same on any parent. */
function startsEmpty({ action, lowers }: StepRequest): boolean {
  return lowers.length === 0 || (action.kind === 'copy' && action.isLink);
}
