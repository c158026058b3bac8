import { familiarReference, formatReference, parseReference, type Reference, withDefaultTag } from './address/reference.ts';
import { allOrFirstFailure } from './distribution/all-or-first-failure.ts';
import type { RegistryClient } from './distribution/client.ts';
import type { PushBlob } from './distribution/push-blob.ts';
import { addReferrer, subjectOf } from './distribution/referrers.ts';
import type { Repository } from './distribution/repository.ts';
import { type UploadOutcome, uploadBlob } from './distribution/upload.ts';
import { RegistryError } from './errors/registry-error.ts';
import { headerOf } from './http/exchange.ts';
import { orAborted } from './http/or-aborted.ts';
import { decodeManifest } from './oci/decode.ts';
import type { Descriptor } from './oci/descriptor.ts';
import { type Digest, digestLike, digestOf, isDigest } from './oci/digest.ts';
import { isManifestType, layerFormatOf } from './oci/layer-format.ts';

/** An image in parts. The manifest names them all; bytes are opened only when they must be sent. */
export interface PushImage {
  readonly manifestBytes: Uint8Array;
  /** What an index calls the manifest; default: its sha256. */
  readonly digest?: Digest;
  readonly mediaType: string;
  readonly configBytes: Uint8Array;
  /** Foreign layers may be left out: they are never sent. */
  readonly layers: readonly PushBlob[];
}

/** An index and the images that it names, as far as they are to be pushed with it. */
export interface PushIndex {
  readonly indexBytes: Uint8Array;
  readonly mediaType: string;
  readonly images: readonly PushImage[];
}

/** What happens to one blob. */
export interface PushProgress {
  readonly digest: Digest;
  readonly state: 'sending' | UploadOutcome;
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export interface PushOptions {
  readonly client: RegistryClient;
  /** More tags for the same thing in the same repository. */
  readonly tags?: readonly string[];
  /** Sends blobs in parts of this size; for proxies that limit a request. */
  readonly chunkBytes?: number;
  /** Called synchronously; must not throw. */
  readonly onProgress?: (progress: PushProgress) => void;
  readonly signal?: AbortSignal | undefined;
  /** What has been sent to the same name before there was a manifest. */
  readonly begun?: BegunPush | undefined;
}

/** A push of which no more than blobs is known. */
export interface BegunPush {
  readonly reference: Reference;
  readonly repository: Repository;
  readonly options: PushOptions;
  /** Blobs under way or there, by digest: images of an index share many. */
  readonly blobs: Map<Digest, Promise<void>>;
}

export interface PushResult {
  readonly descriptor: Descriptor;
  /** Each name that now stands for it, with the digest. */
  readonly references: readonly string[];
}

/**
 * Pushes an image: blobs first (those that are there already or can be mounted are not sent), then the manifest under each tag.
 *
 * @throws RegistryError; whatever has arrived by then stays there without a name
 */
export async function pushImage(name: string, image: PushImage, options: PushOptions): Promise<PushResult> {
  const push = await goOn(name, options);
  await pushParts(push, image);
  return publish(push, { bytes: image.manifestBytes, mediaType: image.mediaType });
}

/** Pushes the images of an index, then the index under each tag. @throws RegistryError */
export async function pushIndex(name: string, index: PushIndex, options: PushOptions): Promise<PushResult> {
  const push = await goOn(name, options);
  await allOrFirstFailure(index.images, options.signal, async (image, signal) => {
    const one = { ...push, options: { ...options, signal } };
    await pushParts(one, image);
    await putManifest(
      one,
      { bytes: image.manifestBytes, mediaType: image.mediaType },
      image.digest ?? digestOf(image.manifestBytes),
    );
  });
  return publish(push, { bytes: index.indexBytes, mediaType: index.mediaType });
}

/** Begins a push before there is an image. @throws RegistryError */
export async function beginPush(name: string, options: PushOptions): Promise<BegunPush> {
  const reference = withDefaultTag(parseReference(name));
  const repository = await options.client.pushing(reference, `push "${familiarReference(reference)}"`);
  return { reference, repository, options, blobs: new Map() };
}

/**
 * Sends a blob that the image will have, unless it is under way or there. The push itself tries what has failed by then once more.
 *
 * @throws RegistryError
 */
export async function sendBlob(push: BegunPush, blob: PushBlob): Promise<void> {
  if (isSent(blob.descriptor)) await pushOnce(push, blob, push.options.signal ?? new AbortController().signal);
}

async function goOn(name: string, options: PushOptions): Promise<BegunPush> {
  return options.begun === undefined ? beginPush(name, options) : { ...options.begun, options };
}

interface Document {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
}

async function pushParts(push: BegunPush, image: PushImage): Promise<void> {
  const manifest = decodeManifest(image.manifestBytes, image.mediaType);
  const config: PushBlob = { descriptor: manifest.config, open: () => single(image.configBytes) };
  const given = new Map([config, ...image.layers].map((blob) => [blob.descriptor.digest, blob]));
  const wanted = [manifest.config, ...manifest.layers].filter(isSent);
  const unique = new Map(
    wanted.map((descriptor) => [descriptor.digest, given.get(descriptor.digest) ?? missing(push, descriptor)]),
  );
  await allOrFirstFailure([...unique.values()], push.options.signal, (blob, signal) => pushOnce(push, blob, signal));
}

/** What may not be given away stays where it is. */
function isSent({ mediaType }: Descriptor): boolean {
  return layerFormatOf(mediaType)?.isForeign !== true;
}

async function* single(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  yield bytes;
}

function missing(push: BegunPush, { digest }: Descriptor): never {
  throw new Error(`The manifest for ${push.repository.title} names ${digest}, which was not given`);
}

/** Whoever waits for a blob that somebody else sends stops waiting with its own signal. */
function pushOnce({ blobs, ...push }: BegunPush, blob: PushBlob, signal: AbortSignal): Promise<void> {
  const { digest } = blob.descriptor;
  const known = blobs.get(digest);
  if (known !== undefined) return orAborted(known, signal);
  const pushed = pushBlob(push, blob, signal);
  blobs.set(digest, pushed);
  pushed.catch(() => blobs.delete(digest));
  return pushed;
}

async function pushBlob({ repository, options }: Omit<BegunPush, 'blobs'>, blob: PushBlob, signal: AbortSignal): Promise<void> {
  const { digest, size } = blob.descriptor;
  const tell = (state: PushProgress['state'], doneBytes: number): void =>
    options.onProgress?.({ digest, state, doneBytes, totalBytes: size });
  const release = await repository.host.pushSlots.acquire(signal);
  try {
    const { attempts, backoffMs } = options.client.limits;
    const { chunkBytes } = options;
    const onSent = (doneBytes: number): void => tell('sending', doneBytes);
    tell(await uploadBlob(repository, blob, { attempts, backoffMs, chunkBytes, onSent, signal }), size);
  } finally {
    release();
  }
}

async function publish(push: BegunPush, document: Document): Promise<PushResult> {
  const { registry, repository, tag, digest } = push.reference;
  const actual = digest === undefined ? digestOf(document.bytes) : digestLike(digest, document.bytes);
  if (digest !== undefined && digest !== actual) {
    const message = `Cannot push "${familiarReference(push.reference)}": what is pushed has digest ${actual}`;
    throw new RegistryError('reference-invalid', message, { side: 'client', hint: 'Push to a tag, without a digest' });
  }
  const tags = [...new Set([...(tag === undefined ? [] : [tag]), ...(push.options.tags ?? [])])];
  for (const name of tags.length === 0 ? [actual] : tags) await putManifest(push, document, name);
  const references = tags.map((name) => formatReference({ registry, repository, tag: name, digest: actual }));
  return {
    descriptor: { mediaType: document.mediaType, digest: actual, size: document.bytes.byteLength },
    references: references.length === 0 ? [formatReference({ registry, repository, digest: actual })] : references,
  };
}

async function putManifest({ repository, options }: BegunPush, document: Document, name: string): Promise<void> {
  const purpose = `push manifest "${name}" to "${repository.title}"`;
  const response = await repository.send({
    method: 'PUT',
    target: `manifests/${name}`,
    purpose,
    expected: [200, 201, 202],
    headers: { 'content-type': document.mediaType },
    body: document.bytes,
    actions: 'pull,push',
    signal: options.signal,
  });
  const announced = headerOf(response, 'docker-content-digest');
  const isKnown = announced !== undefined && isDigest(announced);
  const digest = isKnown ? digestLike(announced, document.bytes) : digestOf(document.bytes);
  if (isKnown && announced !== digest) {
    throw new RegistryError('digest-mismatch', `Cannot ${purpose}: it was sent as ${digest} and kept as ${announced}`, {
      side: 'registry',
    });
  }
  const manifest = isManifestType(document.mediaType) ? subjectOf(document.bytes) : undefined;
  if (manifest === undefined || headerOf(response, 'oci-subject') !== undefined) return;
  const descriptor = { mediaType: document.mediaType, digest, size: document.bytes.byteLength };
  await addReferrer({ repository, descriptor, manifest, signal: options.signal });
}
