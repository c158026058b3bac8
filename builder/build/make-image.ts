import { decodeManifest } from '../../registry/oci/decode.ts';
import type { Descriptor } from '../../registry/oci/descriptor.ts';
import type { Digest } from '../../registry/oci/digest.ts';
import type { BlobSource } from '../../registry/oci/image-source.ts';
import { constantTimeSeconds } from '../../registry/oci/layer/constant-time.ts';
import type { Platform } from '../../registry/oci/platform.ts';
import { storeBlobs } from '../bases/image-lookup.ts';
import { layoutAnnotation } from '../contract/layouts.ts';
import { annotated, annotationsAt } from '../image/annotations.ts';
import type { ImageForm } from '../image/image-form.ts';
import { makeConfigBlob, makeManifest } from '../image/make-manifest.ts';
import { validateImage } from '../image/validate-image.ts';
import type { ImageParts } from '../image/whole-image.ts';
import { type LayerBlobServices, layerBlobs } from '../layers/layer-blobs.ts';
import type { RootState } from '../layers/root-state.ts';
import type { Plan } from '../plan/model/plan.ts';
import type { Settings } from '../settings/settings.ts';
import { makeConfig } from './make-config.ts';
import { epochOf } from './outputs.ts';

/** The image of one platform. The layers of its base may not be fetched yet. */
export interface MadeImage extends ImageParts {
  readonly platform: Platform;
}

interface ImageServices extends LayerBlobServices {
  readonly options: Pick<Settings, 'timestamp' | 'squash'>;
}

/** Makes the image of a solved plan in the form that an output wants. The layers of this build are in the store afterwards. */
export async function makeImage(
  built: { readonly plan: Plan; readonly root: RootState },
  form: ImageForm,
  making: ImageServices,
): Promise<MadeImage> {
  const { plan, root } = built;
  const epoch = epochOf(plan, form.epoch);
  const { layout, compression, isForced, isStoreOnly } = form;
  const layers = await layerBlobs(root.layers, { layout, compression, isForced, isStoreOnly, epoch }, making);
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
  const annotations = { ...annotationsAt(form.annotations, 'manifest', plan.platform), [layoutAnnotation]: String(layout) };
  const manifest = makeManifest(configBlob.descriptor, descriptors, { format: form.format, annotations });
  const decoded = decodeManifest(manifest.bytes, manifest.descriptor.mediaType);
  validateImage(config, decoded);
  const descriptor = annotated(manifest.descriptor, form.annotations, 'manifest-descriptor', plan.platform);
  return {
    platform: plan.imagePlatform,
    descriptor: { ...descriptor, platform: plan.imagePlatform },
    manifestBytes: manifest.bytes,
    manifest: decoded,
    configBytes: configBlob.bytes,
    blobs: storeBlobs(making.store),
    foreign: foreignLayers(root, descriptors),
  };
}

/** The layers of a base image that the image has as they are; those that were compressed anew are this build's. */
function foreignLayers(root: RootState, layers: readonly Descriptor[]): ReadonlyMap<Digest, BlobSource> {
  const wanted = new Set(layers.map(({ digest }) => digest));
  return new Map(
    root.layers.flatMap((layer) =>
      layer.kind === 'foreign' && wanted.has(layer.descriptor.digest) ? [[layer.descriptor.digest, layer.blobs] as const] : [],
    ),
  );
}

function createdSeconds({ timestamp }: Pick<Settings, 'timestamp'>): number | undefined {
  return timestamp === 'now' ? Math.floor(Date.now() / 1000) : timestamp;
}
