import { readFile } from 'node:fs/promises';
import { StoreError } from '../../cache/errors.ts';
import type { Store } from '../../cache/store.ts';
import { decodeImageConfig, decodeIndex, decodeManifest } from '../../registry/oci/decode.ts';
import type { Descriptor } from '../../registry/oci/descriptor.ts';
import type { Digest } from '../../registry/oci/digest.ts';
import type { ImageConfig } from '../../registry/oci/image-config.ts';
import type { ImageManifest } from '../../registry/oci/manifest.ts';
import { mediaType } from '../../registry/oci/media-type.ts';
import { formatReference, parseReference, withDefaultTag } from '../../registry/reference.ts';
import { UsageError } from '../errors.ts';
import type { BuiltImage, BuiltManifest } from '../export/built-image.ts';
import { imageName } from './image-name.ts';

/** The manifest and configuration of one platform of an image in the store. */
export interface StoredManifest {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
  readonly manifest: ImageManifest;
  readonly configBytes: Uint8Array;
  readonly config: ImageConfig;
}

/** The full name that somebody means: `docker.io/library/app:latest` for `app`. @throws UsageError */
export function fullName(text: string): string {
  return formatReference(withDefaultTag(parseReference(imageName('IMAGE', text))));
}

/** What a name stands for in the store. @throws UsageError when nothing has it */
export async function findImage(store: Store, text: string): Promise<{ readonly name: string; readonly descriptor: Descriptor }> {
  const name = fullName(text);
  const found = await store.images.get(name);
  if (found !== undefined) return { name, descriptor: found.descriptor };
  throw new UsageError('IMAGE', `Cannot find image "${text}": the store has no such name`, { hint: 'See "tsbuild images"' });
}

/** The manifests of an image: one, or one for each platform. */
export async function readManifests(store: Store, descriptor: Descriptor): Promise<readonly StoredManifest[]> {
  const bytes = await readBlob(store, descriptor.digest);
  if (descriptor.mediaType !== mediaType.index && descriptor.mediaType !== mediaType.dockerList) {
    return [await readManifest(store, descriptor, bytes)];
  }
  const { manifests } = decodeIndex(bytes, descriptor.mediaType);
  return Promise.all(manifests.map(async (entry) => readManifest(store, entry, await readBlob(store, entry.digest))));
}

/** An image of the store, ready to be exported. */
export async function storedImage(
  store: Store,
  { name, descriptor }: { readonly name: string; readonly descriptor: Descriptor },
): Promise<BuiltImage> {
  const manifests = (await readManifests(store, descriptor)).map((manifest) => builtManifest(store, manifest));
  const [only] = manifests;
  if (only !== undefined && only.descriptor.digest === descriptor.digest) return { ...only, names: [name] };
  return { descriptor, manifestBytes: await readBlob(store, descriptor.digest), names: [name], platforms: manifests };
}

function builtManifest(store: Store, { descriptor, bytes, manifest, configBytes }: StoredManifest): BuiltManifest {
  return {
    descriptor,
    manifestBytes: bytes,
    configDescriptor: manifest.config,
    configBytes,
    layers: manifest.layers.map((layer) => ({ descriptor: layer, path: store.blobs.path(layer.digest) })),
  };
}

async function readManifest(store: Store, descriptor: Descriptor, bytes: Uint8Array): Promise<StoredManifest> {
  const manifest = decodeManifest(bytes, descriptor.mediaType);
  const configBytes = await readBlob(store, manifest.config.digest);
  return { descriptor, bytes, manifest, configBytes, config: decodeImageConfig(configBytes) };
}

async function readBlob(store: Store, digest: Digest): Promise<Uint8Array> {
  const path = store.blobs.path(digest);
  try {
    return await readFile(path);
  } catch (error) {
    throw new StoreError('corrupt', `Cannot read blob ${digest}: it is not in the store`, { path, cause: error });
  }
}
