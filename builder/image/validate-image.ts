import type { ImageConfig } from '../../registry/oci/image-config.ts';
import type { ImageManifest } from '../../registry/oci/manifest.ts';
import { configTypeOf, type ImageFormat, layerTypeOf, manifestTypeOf } from './media-types.ts';

/**
 * The last look at an image before it leaves: whatever is wrong here is a defect of tsbuild, and must not get out.
 *
 * @throws Error naming what does not agree
 */
export function validateImage(config: ImageConfig, manifest: ImageManifest): void {
  const format: ImageFormat = manifest.mediaType === manifestTypeOf('docker') ? 'docker' : 'oci';
  const layers = config.rootfs.diff_ids.length;
  const told = (config.history ?? []).filter(({ empty_layer }) => empty_layer !== true).length;
  check(manifest.mediaType === manifestTypeOf(format), `the manifest has the media type "${manifest.mediaType}"`);
  check(
    manifest.config.mediaType === configTypeOf(format),
    `the configuration has the media type "${manifest.config.mediaType}"`,
  );
  check(manifest.layers.length === layers, `${manifest.layers.length} layers, ${layers} diff_ids`);
  check(told === layers, `${told} history entries with a layer, ${layers} diff_ids`);
  check(config.os !== '' && config.architecture !== '', 'the configuration names no platform');
  for (const layer of manifest.layers) {
    check(layerTypeOf(layer.mediaType, format) === layer.mediaType, `a layer has the media type "${layer.mediaType}"`);
    check(Number.isSafeInteger(layer.size) && layer.size >= 0, `a layer has the size ${layer.size}`);
  }
}

function check(isRight: boolean, what: string): void {
  if (!isRight) throw new Error(`the image does not agree with itself: ${what}`);
}
