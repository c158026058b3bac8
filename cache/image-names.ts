import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Descriptor } from '../registry/oci/descriptor.ts';
import { isMissing, orStoreError } from './errors.ts';
import { descriptorOrUndefined, type JsonObject, readRecord } from './json-record.ts';
import { type Publisher, publishLater } from './published-file.ts';
import type { StoreLayout } from './store-layout.ts';

/** A name that somebody gave to an image. */
export interface ImageName {
  /** The full reference: `docker.io/library/app:latest`. */
  readonly name: string;
  /** Of the manifest or index, which is a blob of the store, as all that it names. */
  readonly descriptor: Descriptor;
  /** When the name was given, in milliseconds since the epoch. */
  readonly taggedMs: number;
}

/** Name -> manifest. What has a name is never pruned. */
export class ImageNames {
  readonly #layout: StoreLayout;
  readonly #publisher: Publisher;
  readonly #fresh = new Map<string, Descriptor>();

  constructor(layout: StoreLayout, publisher: Publisher) {
    this.#layout = layout;
    this.#publisher = publisher;
  }

  async get(name: string): Promise<ImageName | undefined> {
    const fresh = this.#fresh.get(name);
    if (fresh !== undefined) return { name, descriptor: fresh, taggedMs: Date.now() };
    return readImage(this.#layout.image(name));
  }

  /** Gives a name to an image; whatever had it loses it. Nothing is written when it is that image's name already. */
  async tag(name: string, descriptor: Descriptor): Promise<void> {
    const present = await this.get(name);
    if (present?.descriptor.digest === descriptor.digest) return;
    this.#fresh.set(name, descriptor);
    const content = JSON.stringify({ version: 1, name, descriptor });
    await publishLater(this.#publisher, this.#layout.image(name), content);
  }

  /** True when the name was there. The image's blobs stay until they are pruned. */
  async remove(name: string): Promise<boolean> {
    const file = this.#layout.image(name);
    // A name on its way into the store would come back after it was removed.
    if (this.#fresh.delete(name)) await this.#publisher.group.flush();
    return orStoreError(() => removeIfThere(file), `remove the name ${name}`, file);
  }

  /** All names, sorted. */
  async list(): Promise<readonly ImageName[]> {
    const files = await readdir(this.#layout.images);
    const images = await Promise.all(files.map((file) => readImage(path.join(this.#layout.images, file))));
    return images.filter((image) => image !== undefined).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }
}

async function readImage(file: string): Promise<ImageName | undefined> {
  const image = await readRecord(file, readName);
  if (image === undefined) return undefined;
  try {
    return { ...image, taggedMs: (await stat(file)).mtimeMs };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function readName(value: JsonObject): Pick<ImageName, 'name' | 'descriptor'> | undefined {
  const { version, name } = value;
  const descriptor = descriptorOrUndefined(value['descriptor']);
  return version === 1 && typeof name === 'string' && descriptor !== undefined ? { name, descriptor } : undefined;
}

async function removeIfThere(file: string): Promise<boolean> {
  try {
    await rm(file);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
