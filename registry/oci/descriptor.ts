import type { Digest } from './digest.ts';
import type { Platform } from './platform.ts';

/** Names content by type, digest and size. (image-spec, descriptor.md) */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes of the content as stored. */
  readonly size: number;
  readonly urls?: readonly string[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: Platform;
  readonly artifactType?: string;
}

/** Annotations of an index's entries that hold the name of an image: containerd's the whole name, that of layouts often a tag alone. */
export const nameAnnotations = {
  containerd: 'io.containerd.image.name',
  layout: 'org.opencontainers.image.ref.name',
} as const;
