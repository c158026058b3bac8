import { RegistryError } from '../../registry/errors/registry-error.ts';
import { chooseEntry } from '../../registry/image/choose-image.ts';
import type { LocalContent } from '../../registry/local-contents.ts';
import type { Descriptor } from '../../registry/oci/descriptor.ts';
import type { SourceImage } from '../../registry/oci/image-source.ts';
import { isIndexType } from '../../registry/oci/layer-format.ts';
import type { ImageIndex } from '../../registry/oci/manifest.ts';
import { formatShortPlatform, type Platform } from '../../registry/oci/platform.ts';
import { platformMatches } from '../../registry/oci/platform-match.ts';
import { unreachable } from '../../registry/oci/unreachable.ts';
import { UsageError } from '../contract/errors.ts';
import { indexDocument } from '../image/new-documents.ts';
import { type ImageParts, platformOfParts, type WholeImage } from '../image/whole-image.ts';
import type { ImageSession, RegistrySettings } from './image-session.ts';
import { type LeavingForm, withForcedLayers } from './leaving-layers.ts';
import type { ImageLocation } from './location.ts';
import { openAsStored, openStored } from './open-stored.ts';
import { findImage } from './stored-images.ts';

/** The one image that is meant of several. */
interface WantedPlatform {
  readonly platform: Platform;
  /** By name. Then an image that is no index must be for it, as with docker; the default takes it whatever it is for. */
  readonly isAskedFor: boolean;
}

/** Which images of an index are meant: one, or all of them. */
export type WantedPlatforms = WantedPlatform | 'all';

/** How an image is read. */
export interface SourceOptions {
  readonly platforms: WantedPlatforms;
  readonly registry: RegistrySettings;
  /** Of layers of the store that were made here; undefined: they stay as they are, since the store is where they go. */
  readonly leaving: LeavingForm | undefined;
}

/** Opens an image wherever it is. Nothing but manifests and configurations is fetched. @throws UsageError, RegistryError, StoreError */
export async function openSource(location: ImageLocation, reading: SourceOptions, session: ImageSession): Promise<WholeImage> {
  switch (location.kind) {
    case 'registry':
      return forced((await openRemote(location.name, reading, session)).whole, reading, session);
    case 'store':
      return openFromStore(location.name, reading, session);
    case 'oci-layout':
    case 'oci-archive':
    case 'docker-archive':
      return forced(await openFile(location, reading, session), reading, session);
    default:
      return unreachable(location);
  }
}

async function forced(whole: WholeImage, { leaving }: SourceOptions, session: ImageSession): Promise<WholeImage> {
  return leaving?.isForced === true ? withForcedLayers(whole, leaving, session) : whole;
}

/** An image of a registry, and the full name under which it was found; the digest alone when it was asked for by digest. */
export async function openRemote(
  name: string,
  { platforms, registry }: Pick<SourceOptions, 'platforms' | 'registry'>,
  session: ImageSession,
): Promise<{
  readonly whole: WholeImage;
  readonly name: string /** What the name stands for. */;
  readonly descriptor: Descriptor;
}> {
  const [{ resolveIndex }, { formatReference }] = await Promise.all([
    import('../../registry/resolve-image.ts'),
    import('../../registry/address/reference.ts'),
  ]);
  const found = await resolveIndex(name, { client: await session.client(registry), signal: session.signal });
  const { registry: host, repository, digest } = found.reference;
  const full = formatReference(digest === undefined ? found.reference : { registry: host, repository, digest });
  return { whole: await chosen(found, platforms, `fetch image "${name}"`), name: full, descriptor: found.descriptor };
}

/** One content of a layout or archive as a whole image. Entries that the archive leaves out are left out. */
export async function openContent(content: LocalContent, platforms: WantedPlatforms, purpose: string): Promise<WholeImage> {
  if (platforms !== 'all' || content.index === undefined) return chosen(content, platforms, purpose);
  const present: Descriptor[] = [];
  for (const entry of content.index.manifests) if (await content.has(entry)) present.push(entry);
  const isWhole = present.length === content.index.manifests.length;
  if (isWhole) return chosen(content, platforms, purpose);
  const [only, ...more] = present;
  if (only === undefined) throw noPlatform(purpose);
  if (more.length === 0) return { index: undefined, images: [await content.open(only)] };
  const { bytes, descriptor, index } = indexDocument({ ...content.index, manifests: present });
  return chosen({ bytes, descriptor, index, open: (entry) => content.open(entry) }, platforms, purpose);
}

async function openFromStore(name: string, { platforms, leaving }: SourceOptions, session: ImageSession): Promise<WholeImage> {
  const { descriptor } = await findImage(session.store, name);
  const whole = leaving === undefined ? await openAsStored(descriptor, session) : await openStored(descriptor, leaving, session);
  const { index, images } = whole;
  const purpose = `copy image "${name}"`;
  if (index === undefined) for (const image of images) refuseOther(image, platforms, purpose);
  if (platforms === 'all' || index === undefined) return whole;
  const { digest } = chooseEntry(index.index.manifests, { platform: platforms.platform, purpose });
  return { index: undefined, images: images.filter(({ descriptor: own }) => own.digest === digest).slice(0, 1), isStored: true };
}

async function openFile(
  { kind, place }: Extract<ImageLocation, { readonly place: string }>,
  { platforms }: SourceOptions,
  { signal }: ImageSession,
): Promise<WholeImage> {
  const { openContents } = await import('../../registry/local-contents.ts');
  const [content, ...more] = await openContents(place, { kind, signal });
  if (content === undefined || more.length > 0) {
    const names = [content, ...more].map((one) => one?.names[0] ?? one?.descriptor.digest).join(', ');
    throw new UsageError('SOURCE', `Cannot copy from ${kind}:${place}: it holds several images: ${names}`, {
      hint: 'Name one: add :NAME or @DIGEST to the path',
    });
  }
  return openContent(content, platforms, `read ${kind}:${place}`);
}

interface Openable {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
  readonly index: ImageIndex | undefined;
  open(entry?: Descriptor): Promise<SourceImage>;
}

/** The index with all its images, or the image of one platform alone. */
async function chosen(found: Openable, platforms: WantedPlatforms, purpose: string): Promise<WholeImage> {
  const { index } = found;
  if (index === undefined) {
    const image = await found.open();
    refuseOther(image, platforms, purpose);
    return { index: undefined, images: [image] };
  }
  if (platforms !== 'all') {
    const image = await found.open(chooseEntry(index.manifests, { platform: platforms.platform, purpose }));
    return { index: undefined, images: [withEntry(image, {})] };
  }
  refuseNested(index, purpose);
  const images: SourceImage[] = [];
  for (const entry of index.manifests) images.push(withEntry(await found.open(entry), entry));
  return { index: { descriptor: found.descriptor, bytes: found.bytes, index }, images };
}

/** @throws RegistryError `platform-unknown` for an image that is no index, and of another platform than the one that was asked for by name */
function refuseOther(image: ImageParts, platforms: WantedPlatforms, purpose: string): void {
  if (platforms === 'all' || !platforms.isAskedFor) return;
  const offered = platformOfParts(image);
  if (offered === undefined || platformMatches(platforms.platform, offered)) return;
  throw new RegistryError(
    'platform-unknown',
    `Cannot ${purpose} for ${formatShortPlatform(platforms.platform)}: it is there for ${formatShortPlatform(offered)} alone`,
    {
      side: 'registry',
      hint: 'Leave --platform out to take it as it is',
    },
  );
}

/** The descriptor with what the index says of it. */
function withEntry(image: SourceImage, { platform, annotations }: Pick<Descriptor, 'platform' | 'annotations'>): SourceImage {
  const { mediaType, digest, size } = image.descriptor;
  return {
    ...image,
    descriptor: { mediaType, digest, size, ...(annotations && { annotations }), ...(platform && { platform }) },
  };
}

function refuseNested({ manifests }: ImageIndex, purpose: string): void {
  if (!manifests.some(({ mediaType }) => isIndexType(mediaType))) return;
  throw new RegistryError('content-invalid', `Cannot ${purpose}: its index names other indexes`, {
    side: 'registry',
    hint: 'Take one of its images with --platform',
  });
}

function noPlatform(purpose: string): RegistryError {
  return new RegistryError('platform-unknown', `Cannot ${purpose}: none of the images of its index is there`, { side: 'client' });
}
