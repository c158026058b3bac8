import { documentError, RegistryError } from '../errors/registry-error.ts';
import { decodeImageConfig, largestConfigBytes } from '../oci/decode.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { digestLike } from '../oci/digest.ts';
import type { ImageConfig } from '../oci/image-config.ts';
import type { BlobSource, SourceImage } from '../oci/image-source.ts';
import type { ImageManifest } from '../oci/manifest.ts';
import { mediaType } from '../oci/media-type.ts';
import type { FetchedManifest } from './fetched-manifest.ts';

export interface OpenImageOptions {
  /** The name to show, without digest. */
  readonly name: string;
  readonly purpose: string;
  readonly blobs: BlobSource;
  readonly signal?: AbortSignal | undefined;
}

/** Reads the configuration and puts the image together. @throws RegistryError */
export async function openImage(found: FetchedManifest, options: OpenImageOptions): Promise<SourceImage> {
  const { purpose, blobs } = options;
  if (found.document.kind === 'index') throw documentError(new Error('it is an index, not an image'), purpose);
  const { manifest } = found.document;
  refuseArtifact(manifest, purpose);
  const configBytes = await readVerified(blobs, manifest.config, options);
  return {
    reference: `${options.name}@${found.descriptor.digest}`,
    descriptor: found.descriptor,
    manifestBytes: found.bytes,
    manifest,
    configBytes,
    config: decodeConfig(configBytes, manifest, purpose),
    blobs,
  };
}

function refuseArtifact(manifest: ImageManifest, purpose: string): void {
  const type = manifest.config.mediaType;
  const isImage = type === mediaType.config || type === mediaType.dockerConfig || type === 'application/octet-stream';
  if (!isImage) {
    throw documentError(new Error(`it is an artifact of type ${manifest.artifactType ?? type}, not an image`), purpose);
  }
}

interface ReadOptions {
  readonly purpose: string;
  readonly signal?: AbortSignal | undefined;
}

/** Reads a small blob whole and checks it. `purpose` follows "Cannot". @throws RegistryError */
async function readVerified(blobs: BlobSource, descriptor: Descriptor, { purpose, signal }: ReadOptions): Promise<Uint8Array> {
  if (descriptor.size > largestConfigBytes) {
    const message = `Cannot ${purpose}: blob ${descriptor.digest} has ${descriptor.size} bytes, more than the ${largestConfigBytes} allowed`;
    throw new RegistryError('too-large', message, { side: 'registry' });
  }
  const { bytes } = await blobs.open(descriptor, signal === undefined ? {} : { signal });
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  const whole = Buffer.concat(chunks);
  const actual = digestLike(descriptor.digest, whole);
  if (actual === descriptor.digest) return whole;
  const message = `Cannot ${purpose}: blob ${descriptor.digest} arrives with digest ${actual}`;
  throw new RegistryError('digest-mismatch', message, {
    side: 'registry',
    hint: 'Somebody on the way, or the source itself, changed it',
  });
}

function decodeConfig(bytes: Uint8Array, manifest: ImageManifest, purpose: string): ImageConfig {
  try {
    const config = decodeImageConfig(bytes);
    const [layers, diffIds] = [manifest.layers.length, config.rootfs.diff_ids.length];
    if (layers === diffIds) return config;
    throw new Error(`its manifest has ${layers} layers, its configuration ${diffIds}`);
  } catch (error) {
    throw documentError(error, purpose);
  }
}
