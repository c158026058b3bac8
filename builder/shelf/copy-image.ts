import { unreachable } from '../../registry/oci/unreachable.ts';
import type { ImageFormat } from '../image/media-types.ts';
import { inFormat } from '../image/new-documents.ts';
import { descriptorOf, type WholeImage } from '../image/whole-image.ts';
import type { ImageSession, RegistrySettings } from '../places/image-session.ts';
import { keepDocuments, keepImage } from '../places/keep-image.ts';
import { type LeavingForm, refuseDockerZstd } from '../places/leaving-layers.ts';
import { fileOutputOf, type ImageLocation } from '../places/location.ts';
import { ofImage } from '../places/lost-content.ts';
import { openSource, type WantedPlatforms } from '../places/open-source.ts';
import { pushWhole } from '../places/push-image.ts';
import { storedName } from '../places/stored-images.ts';
import { writeFiles } from '../places/write-files.ts';

/** How an image is copied. */
export interface CopyOptions {
  readonly platforms: WantedPlatforms;
  /** Of layers that are compressed on the way. */
  readonly leaving: LeavingForm;
  /** undefined: as it is. */
  readonly format: ImageFormat | undefined;
  readonly from: RegistrySettings;
  readonly to: RegistrySettings;
}

/**
 * Copies an image from one place to another, and gives the digest of what is there now. It is the same as before, unless another format is
 * wanted, layers are to be compressed anew, or the image comes from the store and has layers that were made here.
 *
 * @throws UsageError, RegistryError, StoreError, OutputError
 */
export function copyImage(places: CopyEnds, copying: CopyOptions, session: ImageSession): Promise<string> {
  const { source } = places;
  const copy = (): Promise<string> => copyBetween(places, copying, session);
  return source.kind === 'store' ? ofImage(source.name, session.store, copy) : copy();
}

interface CopyEnds {
  readonly source: ImageLocation;
  readonly target: ImageLocation;
}

async function copyBetween(
  { source, target }: CopyEnds,
  { platforms, leaving, format, from, to }: CopyOptions,
  session: ImageSession,
): Promise<string> {
  const isNeeded = target.kind !== 'store' || leaving.isForced;
  const read = await openSource(source, { platforms, registry: from, leaving: isNeeded ? leaving : undefined }, session);
  const whole = inFormat(read, format);
  if (isNeeded) refuseDockerZstd(whole, leaving);
  await put(whole, { target, registry: to }, session);
  return descriptorOf(whole).digest;
}

async function put(
  whole: WholeImage,
  { target, registry }: { readonly target: ImageLocation; readonly registry: RegistrySettings },
  session: ImageSession,
): Promise<void> {
  switch (target.kind) {
    case 'registry':
      await pushWhole(whole, target.name, session.pushing(registry));
      return;
    case 'store':
      return whole.isStored === true ? nameIt(whole, target.name, session) : keepImage(whole, [storedName(target.name)], session);
    case 'oci-layout':
    case 'oci-archive':
    case 'docker-archive':
      return write(whole, target, session);
    default:
      return unreachable(target);
  }
}

/** Its layers are there, or can be made; only documents can be new. */
async function nameIt(whole: WholeImage, name: string, session: ImageSession): Promise<void> {
  await keepDocuments(whole, session.store);
  await session.store.images.tag(storedName(name), descriptorOf(whole));
}

async function write(
  whole: WholeImage,
  target: Extract<ImageLocation, { readonly place: string }>,
  session: ImageSession,
): Promise<void> {
  const { output, name } = fileOutputOf(target);
  // In a layout the name is what was written, since that is what it will be asked for by; docker wants the full one.
  const isFull = output.kind === 'docker';
  const names = name === undefined ? [] : [isFull ? storedName(name) : name];
  return writeFiles({ whole, names, areVerbatim: !isFull }, { output }, session);
}
