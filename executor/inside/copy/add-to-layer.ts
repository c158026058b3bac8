import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { LayerFacts } from '../../../registry/oci/layer/layer-facts.ts';
import type { Lowers } from '../../protocol/actions.ts';
import type { WorkerRequest } from '../../protocol/messages.ts';
import { commitLayer } from '../commit/commit.ts';
import { readIndex } from '../layer/index-file.ts';
import { addToKnownTrees, openKnownTree } from '../overlay/known-tree.ts';
import { makeLayerFolder, mountRootfs, type ReadOnlyRootfs } from '../overlay/rootfs.ts';
import type { RequestContext } from '../request/request-context.ts';
import { type AdditiveAction, additionOf, makeWay, mayBeAdditive } from './additive.ts';
import { type ActionRoots, copyAction, makeDirectoryAction } from './copy-action.ts';

type StepRequest = Extract<WorkerRequest, { readonly kind: 'step' }>;

/**
 * Carries out a COPY or WORKDIR that only adds something, and commits it: what it adds is put into the layer folder itself, so that the tree below
 * is not mounted for it. There are layers below. undefined, and nothing made, for what is not like that, or not for certain.
 *
 * The layer is the one that the same action makes in a mounted tree.
 */
export async function addToLayer(
  request: StepRequest,
  context: RequestContext,
  gathered: () => Promise<Lowers>,
): Promise<LayerFacts | undefined> {
  const { action, lowers, directory } = request;
  if (!mayBeAdditive(action)) return undefined;
  using tree = await openKnownTree(lowers, async () => mountGround(await gathered(), path.dirname(directory), context));
  const addition = additionOf(action, tree);
  if (addition === undefined) return undefined;
  const root = path.join(directory, 'fs');
  makeLayerFolder(root, lowers.at(-1));
  if (addition.kind === 'something') {
    makeWay(root, addition.way);
    await put(action, { root, names: tree.ground }, context);
  }
  const facts = await commitLayer({
    directory,
    base: tree.ground,
    buildStartNs: BigInt(request.buildStartNs),
    signal: context.signal,
    warn: (message) => context.warn(message),
  });
  addToKnownTrees(root, [...readIndex(path.join(directory, 'index'))]);
  return facts;
}

async function put(action: AdditiveAction, roots: ActionRoots, context: RequestContext): Promise<void> {
  if (action.kind === 'copy') await copyAction(action, roots, context);
  else makeDirectoryAction(action, roots);
}

let emptyFolders = 0;

/** It stays mounted after the request. What overlayfs wants beside a single layer goes with the folder of the build. */
function mountGround(lowers: Lowers, folder: string, context: RequestContext): ReadOnlyRootfs {
  if (lowers.length >= 2) return mountRootfs({ lowers, context });
  emptyFolders += 1;
  const empty = path.join(folder, `empty-${emptyFolders}`);
  mkdirSync(empty);
  return mountRootfs({ lowers: [empty, ...lowers], context });
}
