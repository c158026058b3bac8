import { StoreError } from '../../cache/files/errors.ts';
import type { ImageName } from '../../cache/records/image-names.ts';
import type { Store } from '../../cache/store.ts';
import { parseReference } from '../../registry/address/reference.ts';
import { DocumentError } from '../../registry/oci/json.ts';
import { formatShortPlatform } from '../../registry/oci/platform.ts';
import { platformOfParts } from '../image/whole-image.ts';
import { readStoredImage, type StoredManifest } from '../places/stored-images.ts';

/** A line of the listing. */
export interface ListedImage {
  /** Full: `docker.io/library/app:latest`. */
  readonly name: string;
  /** `docker.io/library/app`. */
  readonly repository: string;
  readonly tag: string;
  /** The digest of the configuration; of the index when there are several platforms. */
  readonly id: string;
  /** Of the manifest or index. */
  readonly digest: string;
  readonly platforms: readonly string[];
  /** As the image says; reproducible images all say the same. */
  readonly created: string;
  /** When it got its name here. (RFC 3339) */
  readonly tagged: string;
  /** Bytes of what the manifests name; layers that were made here count uncompressed. */
  readonly size: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** All images of the store, by name. */
export async function listImages(store: Store): Promise<readonly ListedImage[]> {
  return Promise.all((await store.images.list()).map((image) => describeAnyway(store, image)));
}

/** One damaged image must not hide the others. */
async function describeAnyway(store: Store, image: ImageName): Promise<ListedImage> {
  try {
    return await describe(store, image);
  } catch (error) {
    if (!(error instanceof StoreError) && !(error instanceof DocumentError)) throw error;
    const { digest } = image.descriptor;
    return { ...namesOf(image), id: digest, digest, platforms: ['damaged'], created: '', size: 0, labels: {} };
  }
}

async function describe(store: Store, image: ImageName): Promise<ListedImage> {
  const { descriptor } = image;
  const { index, manifests } = await readStoredImage(store, descriptor);
  const images = manifests.filter(({ config }) => config !== undefined);
  return {
    ...namesOf(image),
    id: index === undefined ? (manifests[0]?.manifest.config.digest ?? descriptor.digest) : descriptor.digest,
    digest: descriptor.digest,
    platforms: images.map((one) => formatShortPlatform(platformOfParts(one) ?? { os: 'unknown', architecture: 'unknown' })),
    created: images[0]?.config?.created ?? '',
    size: sizeOf(manifests),
    labels: images[0]?.config?.config?.Labels ?? {},
  };
}

function namesOf({ name, taggedMs }: ImageName): Pick<ListedImage, 'name' | 'repository' | 'tag' | 'tagged'> {
  const { registry, repository, tag = '<none>' } = parseReference(name);
  return { name, repository: `${registry}/${repository}`, tag, tagged: new Date(taggedMs).toISOString() };
}

/** Images of one index share blobs. */
function sizeOf(manifests: readonly StoredManifest[]): number {
  const blobs = new Map(
    manifests.flatMap(({ manifest }) => [manifest.config, ...manifest.layers]).map(({ digest, size }) => [digest, size]),
  );
  return [...blobs.values()].reduce((sum, size) => sum + size, 0);
}
