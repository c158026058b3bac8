import type { Descriptor } from '../../registry/oci/descriptor.ts';

/** A layer and its bytes. */
export interface BuiltLayer {
  readonly descriptor: Descriptor;
  /** The bytes from their beginning. The last piece does not come when they are not what is described: a StoreError comes instead. */
  readonly read: () => AsyncIterable<Uint8Array>;
  /** Absolute path of a file that holds them for this export alone, so that it may become part of what is written. */
  readonly temporary?: string | undefined;
}

/** The image of one platform, ready to be written anywhere. */
export interface BuiltManifest {
  /** Of the manifest; with `platform` when it is one of several. */
  readonly descriptor: Descriptor;
  readonly manifestBytes: Uint8Array;
  readonly configDescriptor: Descriptor;
  readonly configBytes: Uint8Array;
  /** Lowest first, as in the manifest; a layer may occur twice. */
  readonly layers: readonly BuiltLayer[];
}

/** What a build made, in memory but for the layers. */
export type BuiltImage =
  | (BuiltManifest & {
      /** Full references: `docker.io/library/app:latest`. */
      readonly names: readonly string[];
      readonly platforms?: undefined;
    })
  | {
      /** Of the index. */
      readonly descriptor: Descriptor;
      /** The index. */
      readonly manifestBytes: Uint8Array;
      readonly names: readonly string[];
      /** One or more; in the order of the index. */
      readonly platforms: readonly BuiltManifest[];
    };

/** The manifests of an image, one for each platform. */
export function manifestsOf(image: BuiltImage): readonly BuiltManifest[] {
  return image.platforms ?? [image];
}
