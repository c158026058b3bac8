import { isCorrupt, StoreError } from '../../cache/files/errors.ts';
import type { Store } from '../../cache/store.ts';
import {
  familiarReference,
  formatReference,
  parseReference,
  type Reference,
  withDefaultTag,
  withDigest,
} from '../../registry/address/reference.ts';
import type { RegistryClient, RegistryLimits } from '../../registry/distribution/client.ts';
import { decodeImageConfig, decodeIndex, decodeManifest } from '../../registry/oci/decode.ts';
import type { Descriptor } from '../../registry/oci/descriptor.ts';
import type { BlobSource, SourceImage } from '../../registry/oci/image-source.ts';
import { isIndexType } from '../../registry/oci/layer-format.ts';
import type { Platform } from '../../registry/oci/platform.ts';
import { choosePlatform, platformMatches } from '../../registry/oci/platform-match.ts';
import { unreachable } from '../../registry/oci/unreachable.ts';
import { UsageError } from '../contract/errors.ts';
import type { PullPolicy } from '../contract/options.ts';
import { localLayersOf } from '../layers/local-layers.ts';
import type { Settings } from '../settings/settings.ts';
import { rememberedNames, storedByDigest } from './digest-names.ts';
import { lostImage } from './lost-image.ts';

/** What a look-up works with. */
export interface LookupServices {
  readonly store: Store;
  readonly options: Pick<Settings, 'pull' | 'environment' | 'authFile' | 'certDirectory' | 'tlsVerify'>;
  readonly signal: AbortSignal;
  readonly onNotice: (message: string) => void;
  /** How patient it is; default: as builds are. */
  readonly limits?: RegistryLimits;
}

/**
 * Finds images by name: first among what the store has, by the pull policy, then in their registry. What a registry said is remembered,
 * so that a build with nothing new asks nobody. Layers are not fetched here.
 */
export class ImageLookup implements AsyncDisposable {
  readonly #services: LookupServices;
  readonly #policy: PullPolicy;
  #client: Promise<RegistryClient> | undefined;

  constructor(services: LookupServices) {
    this.#services = services;
    this.#policy = services.options.pull ?? 'missing';
  }

  /**
   * The image that a name stands for on a platform. `onUnknown` is called when a registry has to be asked, since the store never had one.
   *
   * @throws RegistryError, StoreError, or UsageError for `--pull=never`
   */
  async find(name: string, platform: Platform, onUnknown?: () => void): Promise<SourceImage> {
    const reference = withDefaultTag(parseReference(name));
    const known = this.#policy === 'always' ? undefined : await this.#known(reference, platform);
    if (known !== undefined && (await this.#isGoodEnough(known, reference))) return known;
    if (this.#policy === 'never') throw notInStore(reference);
    if (known === undefined && this.#policy !== 'always') onUnknown?.();
    return this.#pull(name, { reference, platform });
  }

  /** The client of this build, made when something must be asked. */
  client(): Promise<RegistryClient> {
    this.#client ??= this.#makeClient();
    return this.#client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#client !== undefined) await (await this.#client)[Symbol.asyncDispose]();
  }

  async #makeClient(): Promise<RegistryClient> {
    const { RegistryClient: Client } = await import('../../registry/distribution/client.ts');
    const { options, signal, onNotice, limits = {} } = this.#services;
    const { environment, authFile, certDirectory, tlsVerify } = options;
    return new Client({ environment, authFile, certDirectory, tlsVerify, signal, onNotice, limits });
  }

  /** What the store knows: an image built or loaded under this name, or what the registry said the last time. */
  async #known(reference: Reference, platform: Platform): Promise<SourceImage | undefined> {
    return (await this.#named(reference, platform)) ?? (await this.#resolved(reference, platform));
  }

  /** What was pulled may be fetched again. What was made here is nowhere else, and an image of a registry must not take its place. */
  async #named(reference: Reference, platform: Platform): Promise<SourceImage | undefined> {
    const complete = formatReference(reference);
    for (const descriptor of await this.#descriptorsOf(reference)) {
      try {
        const own = await this.#openStored(complete, { descriptor, platform });
        if (own !== undefined) return own;
      } catch (error) {
        if (!isCorrupt(error)) throw error;
        if (await this.#isOfRegistry(reference, platform)) {
          this.#tellLoss(reference, error);
          continue;
        }
        const name = familiarReference(reference);
        throw lostImage(name, error, { hint: `Build or load "${name}" again` });
      }
    }
    return undefined;
  }

  async #resolved(reference: Reference, platform: Platform): Promise<SourceImage | undefined> {
    const { store } = this.#services;
    for (const name of namesWithDigest(reference)) {
      const resolved = await store.resolved.get(name, platform);
      if (resolved === undefined) continue;
      try {
        return await this.#openResolved(reference, resolved.descriptor);
      } catch (error) {
        if (!isCorrupt(error)) throw error;
        this.#tellLoss(reference, error);
      }
    }
    return undefined;
  }

  async #isOfRegistry(reference: Reference, platform: Platform): Promise<boolean> {
    const known = namesWithDigest(reference).map((name) => this.#services.store.resolved.knows(name, platform));
    return (await Promise.all(known)).includes(true);
  }

  #tellLoss(reference: Reference, { message }: StoreError): void {
    this.#services.onNotice(`Image "${familiarReference(reference)}" is damaged in the store and is fetched again: ${message}`);
  }

  async #descriptorsOf(reference: Reference): Promise<readonly Descriptor[]> {
    const { store } = this.#services;
    const named = await store.images.get(formatReference(reference));
    if (named !== undefined) return [named.descriptor];
    return reference.digest === undefined ? [] : storedByDigest(store, reference, reference.digest);
  }

  async #isGoodEnough(known: SourceImage, reference: Reference): Promise<boolean> {
    switch (this.#policy) {
      case 'missing':
      case 'never':
        return true;
      case 'always':
        return false;
      case 'newer':
        // What a digest names does not change.
        return reference.digest !== undefined || this.#isCurrent(known, reference);
      default:
        return unreachable(this.#policy);
    }
  }

  async #isCurrent(known: SourceImage, reference: Reference): Promise<boolean> {
    const { resolveDigest } = await import('../../registry/resolve-image.ts');
    const { signal } = this.#services;
    const { descriptor } = await resolveDigest(formatReference(reference), { client: await this.client(), signal });
    return descriptor.digest === known.descriptor.digest || descriptor.digest === known.index?.digest;
  }

  async #pull(name: string, wanted: { reference: Reference; platform: Platform }): Promise<SourceImage> {
    const { resolveImage } = await import('../../registry/resolve-image.ts');
    const { store, signal } = this.#services;
    const image = await resolveImage(name, { client: await this.client(), platform: wanted.platform, signal });
    await store.blobs.putBytes(image.manifestBytes, image.descriptor.digest);
    await store.blobs.putBytes(image.configBytes, image.manifest.config.digest);
    for (const remembered of rememberedNames(wanted.reference, [image.descriptor.digest, image.index?.digest])) {
      await store.resolved.put(remembered, wanted.platform, image.descriptor);
    }
    return image;
  }

  async #openStored(name: string, wanted: { descriptor: Descriptor; platform: Platform }): Promise<SourceImage | undefined> {
    const { store } = this.#services;
    const descriptor = await chooseManifest(store, wanted);
    if (descriptor === undefined) return undefined;
    const image = await openFromStore(store, { name, descriptor, blobs: storeBlobs(store) });
    // An image of another platform may have the same name in the registry.
    if (!platformMatches(wanted.platform, image.config)) return undefined;
    return { ...image, localLayers: await localLayersOf(store, image) };
  }

  async #openResolved(reference: Reference, descriptor: Descriptor): Promise<SourceImage> {
    const name = formatReference(reference);
    return openFromStore(this.#services.store, { name, descriptor, blobs: this.#registrySource(reference) });
  }

  /** The registry's blobs, with a client that is made only when one is opened. */
  #registrySource(reference: Reference): BlobSource {
    const { registry, repository } = reference;
    return {
      name: familiarReference({ registry, repository }),
      origin: { registry, repository },
      open: async (descriptor, options) => {
        const { registryBlobs } = await import('../../registry/distribution/blob-source.ts');
        return registryBlobs(await this.client(), reference).open(descriptor, options);
      },
    };
  }
}

/** The blobs that the store holds, as a source. StoreError 'corrupt' for one that it has lost. */
export function storeBlobs(store: Store): BlobSource {
  return {
    name: 'the store',
    open: async (descriptor) => {
      const { digest } = descriptor;
      // From its beginning, since only a whole blob can be compared with its digest.
      if (await store.blobs.has(digest)) return { offset: 0, bytes: store.blobs.read(descriptor) };
      throw new StoreError('corrupt', `Cannot read blob ${digest}: the store has lost it`, {
        path: store.blobs.path(digest),
        hint: 'Pull or build the image again',
      });
    },
  };
}

async function chooseManifest(
  store: Store,
  wanted: { descriptor: Descriptor; platform: Platform },
): Promise<Descriptor | undefined> {
  if (!isIndexType(wanted.descriptor.mediaType)) return wanted.descriptor;
  const index = decodeIndex(await store.blobs.readDocument(wanted.descriptor.digest));
  return choosePlatform(index.manifests, wanted.platform);
}

/** Opens an image whose manifest and configuration are blobs of the store. */
async function openFromStore(
  store: Store,
  { name, descriptor, blobs }: { readonly name: string; readonly descriptor: Descriptor; readonly blobs: BlobSource },
): Promise<SourceImage> {
  const manifestBytes = await store.blobs.readDocument(descriptor.digest);
  const manifest = decodeManifest(manifestBytes, descriptor.mediaType);
  const configBytes = await store.blobs.readDocument(manifest.config.digest);
  const config = decodeImageConfig(configBytes);
  const reference = name.includes('@') ? name : `${name}@${descriptor.digest}`;
  return { reference, descriptor, manifestBytes, manifest, configBytes, config, blobs };
}

/** The reference as it was asked for, and by its digest alone: with both tag and digest the digest decides. */
function namesWithDigest(reference: Reference): readonly string[] {
  const { digest } = reference;
  const complete = formatReference(reference);
  return digest === undefined ? [complete] : [complete, formatReference(withDigest(reference, digest))];
}

function notInStore(reference: Reference): UsageError {
  return new UsageError(
    '--pull',
    `Cannot use image "${familiarReference(reference)}": it is not in the store, and --pull=never`,
    {
      hint: 'Leave --pull=never out, or pull the image before',
    },
  );
}
