import { createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fullName } from '../../registry/address/reference.ts';
import { type LocalContent, openContents } from '../../registry/local-contents.ts';
import { inputFile } from '../../registry/oci/files/input-file.ts';
import { UsageError } from '../contract/errors.ts';
import { imageIdOf } from '../image/whole-image.ts';
import type { ImageSession } from '../places/image-session.ts';
import { keepImage } from '../places/keep-image.ts';
import { openContent, type WantedPlatforms } from '../places/open-source.ts';
import { storedName } from '../places/stored-images.ts';
import { untilAborted } from '../session/until-aborted.ts';

/** What is loaded from where. */
export interface LoadOptions {
  /** Path of an archive or layout folder, with `:NAME` or `@DIGEST` where one of several is meant; a stream is an archive. */
  readonly input: string | Readable;
  readonly platforms: WantedPlatforms;
  /** Instead of the names that are written there. */
  readonly names: readonly string[];
}

/** An image that was loaded. */
export interface LoadedImage {
  /** Full names. */
  readonly names: readonly string[];
  readonly imageId: string;
}

/**
 * Takes the images of an OCI layout, an OCI archive or an archive of `docker save` into the store, under the names that they have there.
 *
 * @throws UsageError, RegistryError, StoreError
 */
export async function loadImages(
  { input, platforms, names }: LoadOptions,
  session: ImageSession,
): Promise<readonly LoadedImage[]> {
  await session.store.hold();
  const location = await placeOf(input, session);
  const title = typeof input === 'string' ? `"${input}"` : 'standard input';
  const contents = await openContents(location, {
    kind: 'any',
    signal: session.signal,
    ...(location !== input && { title }),
  });
  const [first, ...more] = contents;
  if (names.length > 0 && more.length > 0) {
    throw new UsageError('--name', `Cannot give one name to all images of ${title}: it holds ${contents.length}`, {
      hint: `Choose one: add :NAME to the path, such as ${first?.names[0] ?? '@0'}`,
    });
  }
  // All are named and opened before the first is taken, so that a bad archive changes nothing.
  const named = contents.map((content) => ({ content, names: namesFor(content, { names, title }) }));
  const opened = [];
  for (const one of named) opened.push({ names: one.names, whole: await openContent(one.content, platforms, `load ${title}`) });
  for (const one of opened) await keepImage(one.whole, one.names, session);
  return opened.map((one) => ({ names: one.names, imageId: imageIdOf(one.whole) }));
}

/** Where the archive or layout can be read; what comes out of a pipe, such as a shell makes for `<(command)`, is put into a file. */
async function placeOf(input: string | Readable, session: ImageSession): Promise<string> {
  if (typeof input !== 'string') return spool(input, session);
  const isPipe = await stat(input).then(
    (status) => status.isFIFO(),
    // What there is instead is said by whoever opens it.
    () => false,
  );
  return isPipe ? spool(inputFile(input, session.signal), session) : input;
}

/** Archives are read by offsets, so a stream becomes a file first. */
async function spool(input: AsyncIterable<Uint8Array>, { store, signal }: ImageSession): Promise<string> {
  const file = await store.newPath();
  await pipeline(untilAborted(input, signal), createWriteStream(file, { flags: 'wx', mode: 0o600 }));
  return file;
}

function namesFor(
  content: LocalContent,
  { names, title }: { readonly names: readonly string[]; readonly title: string },
): readonly string[] {
  if (names.length > 0) return names.map(storedName);
  if (content.names.length > 0) return content.names.map((name) => nameIn(name, title));
  throw new UsageError('--name', `Cannot load ${title}: its image has no name`, {
    hint: 'Give it one: tsbuild load --name NAME',
  });
}

function nameIn(text: string, title: string): string {
  try {
    return fullName(text);
  } catch (error) {
    throw new UsageError('--name', `Cannot load ${title}: its image is called "${text}", which is no name`, {
      hint: 'Give it another one: tsbuild load --name NAME',
      cause: error,
    });
  }
}
