import { parseReference, withDefaultTag } from '../../registry/address/reference.ts';
import { rememberedNames } from '../bases/digest-names.ts';
import { descriptorOf, imageIdOf } from '../image/whole-image.ts';
import type { ImageSession, RegistrySettings } from '../places/image-session.ts';
import { keepImage } from '../places/keep-image.ts';
import { openRemote, type WantedPlatforms } from '../places/open-source.ts';

/** What came into the store. */
export interface PulledImage {
  /** Full name. */
  readonly name: string;
  readonly digest: string;
  readonly imageId: string;
}

/**
 * Fetches an image into the store, with all its layers, under its full name. A name with a digest is kept under that digest. What a build
 * would find under the name as it was written is this image from now on.
 *
 * @throws RegistryError, StoreError
 */
export async function pullImage(
  name: string,
  settings: { readonly platforms: WantedPlatforms; readonly registry: RegistrySettings },
  session: ImageSession,
): Promise<PulledImage> {
  const { whole, name: full, descriptor } = await openRemote(name, settings, session);
  await keepImage(whole, [full], session);
  if (settings.platforms !== 'all') {
    const chosen = descriptorOf(whole);
    // Short names may stand for an image of another registry, by registries.conf.
    const names = [full, name].flatMap((text) =>
      rememberedNames(withDefaultTag(parseReference(text)), [descriptor.digest, chosen.digest]),
    );
    for (const known of new Set(names)) await session.store.resolved.put(known, settings.platforms.platform, chosen);
  }
  return { name: full, digest: descriptorOf(whole).digest, imageId: imageIdOf(whole) };
}
