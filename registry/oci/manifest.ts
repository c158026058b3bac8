import type { Descriptor } from './descriptor.ts';

/** One image: its configuration and its layers, lowest first. (image-spec, manifest.md) */
export interface ImageManifest {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  readonly artifactType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Images of several platforms under one name. (image-spec, image-index.md) */
export interface ImageIndex {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  readonly artifactType?: string;
  readonly manifests: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}

/**
 * The folders that overlayfs stacks at most (OVL_MAX_STACK in the kernel). An image of more layers can be shown nowhere, and run nowhere; so it is
 * refused when its manifest is read, since one of 4 MiB names tens of thousands, each of which would be fetched before that showed.
 */
export const mostLayers = 500;
