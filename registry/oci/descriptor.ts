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
