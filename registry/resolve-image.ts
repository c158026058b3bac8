import { familiarReference, formatReference, type Reference, withDefaultTag, withDigest } from './address/reference.ts';
import { registryBlobs } from './distribution/blob-source.ts';
import type { RegistryClient } from './distribution/client.ts';
import { fetchManifest, headManifest } from './distribution/fetch-manifest.ts';
import { RegistryError } from './errors/registry-error.ts';
import { chooseImage } from './image/choose-image.ts';
import type { FetchedManifest } from './image/fetched-manifest.ts';
import { openImage } from './image/open-image.ts';
import type { Descriptor } from './oci/descriptor.ts';
import type { SourceImage } from './oci/image-source.ts';
import type { ImageIndex } from './oci/manifest.ts';
import type { Platform } from './oci/platform.ts';

export interface ResolveOptions {
  readonly client: RegistryClient;
  readonly signal?: AbortSignal | undefined;
}

/** A name and what it stands for. */
export interface ResolvedName {
  readonly reference: Reference;
  /** A manifest, or an index of several. */
  readonly descriptor: Descriptor;
}

/**
 * Finds an image in its registry: manifest and configuration for the platform, verified; layers are fetched when they are opened.
 *
 * @throws RegistryError; `platform-unknown` lists the platforms that there are
 */
export async function resolveImage(
  text: string,
  options: ResolveOptions & { readonly platform: Platform },
): Promise<SourceImage> {
  return firstFound(text, options.client, (reference) => resolveReference(reference, options));
}

/** What a name stands for now. Asks without fetching where the registry can tell. @throws RegistryError */
export async function resolveDigest(text: string, options: ResolveOptions): Promise<ResolvedName> {
  return firstFound(text, options.client, async (reference) => {
    const request = { ...options, purpose: `look up "${familiarReference(reference)}"` };
    const descriptor = (await headManifest(reference, request)) ?? (await fetchManifest(reference, request)).descriptor;
    return { reference, descriptor };
  });
}

/** An index or manifest with all that it names, for copying whole. */
export interface SourceIndex extends ResolvedName {
  readonly bytes: Uint8Array;
  /** undefined: the name stands for one image. */
  readonly index: ImageIndex | undefined;
  /** The image of one entry; without an entry, the only one. */
  open(entry?: Descriptor): Promise<SourceImage>;
}

/** Finds everything that a name stands for, all platforms included. @throws RegistryError */
export async function resolveIndex(text: string, options: ResolveOptions): Promise<SourceIndex> {
  return firstFound(text, options.client, async (reference) => {
    const found = await fetchManifest(reference, { ...options, purpose: purposeFor(reference) });
    return {
      reference,
      descriptor: found.descriptor,
      bytes: found.bytes,
      index: found.document.kind === 'index' ? found.document.index : undefined,
      open: async (entry) => {
        const chosen = entry === undefined ? found : await fetchEntry(reference, entry, options);
        return openFound(reference, chosen, options);
      },
    };
  });
}

async function resolveReference(reference: Reference, options: ResolveOptions & { platform: Platform }): Promise<SourceImage> {
  const root = await fetchManifest(reference, { ...options, purpose: purposeFor(reference) });
  const { platform } = options;
  const fetch = (entry: Descriptor): Promise<FetchedManifest> => fetchEntry(reference, entry, options);
  const chosen = await chooseImage(root, { platform, purpose: purposeFor(reference), fetchEntry: fetch });
  const image = await openFound(reference, chosen, options);
  return chosen === root ? image : { ...image, index: root.descriptor };
}

/** Short names may mean several images: the first one that exists is taken, and any failure but "there is none" ends the search. */
async function firstFound<T>(text: string, client: RegistryClient, find: (reference: Reference) => Promise<T>): Promise<T> {
  const candidates = (await client.candidates(text)).map(withDefaultTag);
  const missing: RegistryError[] = [];
  for (const candidate of candidates) {
    try {
      return await find(candidate);
    } catch (error) {
      if (!isMissing(error)) throw error;
      missing.push(error);
    }
  }
  const [first] = missing;
  if (first === undefined || missing.length === 1) throw first ?? new Error(`No candidate for ${text}`);
  throw new RegistryError(
    'manifest-unknown',
    `Cannot fetch "${text}": none of ${candidates.map(formatReference).join(', ')} exists`,
    {
      side: 'registry',
      hint: 'Write the image with its registry: host/name:tag',
    },
  );
}

function isMissing(error: unknown): error is RegistryError {
  return error instanceof RegistryError && ['manifest-unknown', 'name-unknown', 'unauthorized', 'denied'].includes(error.code);
}

function purposeFor(reference: Reference): string {
  return `fetch image "${familiarReference(reference)}"`;
}

async function fetchEntry(reference: Reference, entry: Descriptor, options: ResolveOptions): Promise<FetchedManifest> {
  const found = await fetchManifest(withDigest(reference, entry.digest), { ...options, purpose: purposeFor(reference) });
  const { platform } = entry;
  return platform === undefined ? found : { ...found, descriptor: { ...found.descriptor, platform } };
}

function openFound(reference: Reference, found: FetchedManifest, options: ResolveOptions): Promise<SourceImage> {
  const blobs = registryBlobs(options.client, reference);
  const { registry, repository, tag } = reference;
  const name = formatReference({ registry, repository, ...(tag === undefined ? {} : { tag }) });
  return openImage(found, { name, purpose: purposeFor(reference), blobs, signal: options.signal });
}
