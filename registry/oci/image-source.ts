import type { Descriptor } from './descriptor.ts';
import type { Digest } from './digest.ts';
import type { ImageConfig } from './image-config.ts';
import type { ImageManifest } from './manifest.ts';

/** Where the bytes of blobs come from: a registry, a layout folder, an archive. */
export interface BlobSource {
  /** A short name for messages and progress, without credentials: `localhost:5000/x`, `oci-layout:./base`. */
  readonly name: string;
  /** The repository, for sources that are one: a push to the same registry can then mount a blob instead of sending it. */
  readonly origin?: BlobOrigin;
  /**
   * The blob's bytes, not yet verified; whoever stores them checks digest and size. With `offset` the bytes from there on, when
   * the source can resume; a source that cannot starts at 0 and says so in `offset` of the answer.
   */
  open(descriptor: Descriptor, options: { readonly offset?: number; readonly signal?: AbortSignal }): Promise<BlobStream>;
}

/** A repository that has a blob. */
export interface BlobOrigin {
  /** `host[:port]`. */
  readonly registry: string;
  readonly repository: string;
}

/** An open blob. */
export interface BlobStream {
  readonly offset: number;
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** An image whose manifest and configuration are known and verified, and whose layers can be had when they are needed. */
export interface SourceImage {
  /** As people would write it, with the digest: `docker.io/library/x:1@sha256:...`. */
  readonly reference: string;
  readonly descriptor: Descriptor;
  /** What the name stands for, when that is an index of which this image is one entry; else it stands for `descriptor`. */
  readonly index?: Descriptor;
  /** The exact bytes of the manifest; their digest is `descriptor.digest`. */
  readonly manifestBytes: Uint8Array;
  readonly manifest: ImageManifest;
  readonly configBytes: Uint8Array;
  readonly config: ImageConfig;
  readonly blobs: BlobSource;
  /** Layers that are no blobs, since this machine has their files and can make their bytes; by ChainID. */
  readonly localLayers?: ReadonlyMap<Digest, LocalLayer>;
}

/** A layer that is here as files. */
export interface LocalLayer {
  readonly diffId: Digest;
  /** Bytes of the uncompressed tar. */
  readonly sizeBytes: number;
  readonly entries: number;
}
