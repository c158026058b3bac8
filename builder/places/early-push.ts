import { parseReference } from '../../registry/address/reference.ts';
import type { Descriptor } from '../../registry/oci/descriptor.ts';
import type { BlobSource } from '../../registry/oci/image-source.ts';
import { type BegunPush, beginPush, sendBlob } from '../../registry/push.ts';
import { blobOrigins } from './blob-origins.ts';
import { type PushContext, type PushServices, pushedLayer, pushOptions } from './push-image.ts';

interface OpenPush {
  readonly push: BegunPush;
  readonly origins: PushContext['origins'];
}

/** Where a layer is and where it is wanted. */
interface LayerTarget {
  /** undefined: in the store. */
  readonly source: BlobSource | undefined;
  readonly names: readonly string[];
}

/**
 * Sends layers to the names of an image before there is an image. Nothing can be seen of them there until the image is pushed. What fails is
 * left to that push, which tries it again and tells.
 */
export class EarlyPush {
  readonly #services: PushServices;
  readonly #begun = new Map<string, Promise<OpenPush | undefined>>();

  constructor(services: PushServices) {
    this.#services = services;
  }

  /** Sends a layer to each name. Settles when that was tried. */
  async send(layer: Descriptor, { source, names }: LayerTarget): Promise<void> {
    const { store, signal } = this.#services;
    // One after the other: what one repository has another one of its registry can mount.
    for (const name of new Set(names)) {
      const begun = await this.#beginOnce(name);
      if (begun === undefined || signal.aborted) continue;
      const { push, origins } = begun;
      await sendBlob(push, pushedLayer(layer, { source, isOfBuild: true }, { origins, store, signal })).catch(() => undefined);
    }
  }

  /** What there is of the push to a name; undefined when it could not begin, or nobody has begun it. */
  async begun(name: string): Promise<BegunPush | undefined> {
    return (await this.#begun.get(name))?.push;
  }

  #beginOnce(name: string): Promise<OpenPush | undefined> {
    const known = this.#begun.get(name);
    if (known !== undefined) return known;
    const begun = this.#begin(name).catch(() => undefined);
    this.#begun.set(name, begun);
    return begun;
  }

  async #begin(name: string): Promise<OpenPush> {
    const { store } = this.#services;
    const [push, origins] = await Promise.all([
      beginPush(name, await pushOptions(this.#services)),
      blobOrigins(store, parseReference(name).registry),
    ]);
    return { push, origins };
  }
}
