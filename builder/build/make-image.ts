import type { Store } from '../../cache/store.ts';
import { decodeManifest } from '../../registry/oci/decode.ts';
import type { Descriptor } from '../../registry/oci/descriptor.ts';
import { constantTimeSeconds } from '../../registry/oci/layer/constant-time.ts';
import type { Platform } from '../../registry/oci/platform.ts';
import type { BuildOptions } from '../contract/options.ts';
import { annotationsAt } from '../image/annotations.ts';
import type { ImageForm } from '../image/image-form.ts';
import { makeConfig } from '../image/make-config.ts';
import { makeConfigBlob, makeManifest } from '../image/make-manifest.ts';
import { validateImage } from '../image/validate-image.ts';
import { layerBlobs } from '../layers/layer-blobs.ts';
import type { OnProgress, RootFolders } from '../layers/root-folders.ts';
import type { RootState } from '../layers/root-state.ts';
import type { Plan } from '../plan/model/plan.ts';
import type { LazyWorker } from '../session/lazy-worker.ts';
import { epochOf } from './outputs.ts';

/** The image of one platform: its documents, and the descriptors of its layers. The blobs of base layers may not be fetched yet. */
export interface MadeImage {
  readonly platform: Platform;
  readonly root: RootState;
  readonly manifest: { readonly descriptor: Descriptor; readonly bytes: Uint8Array };
  readonly config: { readonly descriptor: Descriptor; readonly bytes: Uint8Array };
  readonly layers: readonly Descriptor[];
}

interface Making {
  readonly options: BuildOptions;
  readonly store: Store;
  readonly worker: LazyWorker;
  readonly folders: RootFolders;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
}

/** Makes the image of a solved plan in the form that an output wants. The layers of this build are in the store afterwards. */
export async function makeImage(
  built: { readonly plan: Plan; readonly root: RootState },
  form: ImageForm,
  making: Making,
): Promise<MadeImage> {
  const { plan, root } = built;
  const epoch = epochOf(plan, form.epoch);
  const { compression, isForced, isStoreOnly } = form;
  const layers = await layerBlobs(root.layers, { compression, isForced, isStoreOnly, epoch }, making);
  const historySeconds = epoch ?? constantTimeSeconds;
  const config = makeConfig({
    plan,
    diffIds: layers.map(({ diffId }) => diffId),
    createdSeconds: createdSeconds(making.options) ?? historySeconds,
    historySeconds,
    squash: making.options.squash,
  });
  const configBlob = makeConfigBlob(config, form.format);
  const descriptors = layers.map(({ descriptor }) => descriptor);
  const annotations = annotationsAt(form.annotations, 'manifest', plan.platform);
  const manifest = makeManifest(configBlob.descriptor, descriptors, { format: form.format, annotations });
  validateImage(config, decodeManifest(manifest.bytes, manifest.descriptor.mediaType));
  const ofDescriptor = annotationsAt(form.annotations, 'manifest-descriptor', plan.platform);
  const described = { ...manifest, descriptor: { ...manifest.descriptor, ...(ofDescriptor && { annotations: ofDescriptor }) } };
  return { platform: plan.imagePlatform, root, manifest: described, config: configBlob, layers: descriptors };
}

function createdSeconds({ timestamp }: BuildOptions): number | undefined {
  return timestamp === 'now' ? Math.floor(Date.now() / 1000) : timestamp;
}
