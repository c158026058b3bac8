import { rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Descriptor } from '../../registry/oci/descriptor.ts';
import type { JsonObject } from '../../registry/oci/json.ts';
import { byText } from '../../registry/oci/text/sort-order.ts';
import { isMissing } from '../../registry/oci/thrown.ts';
import { orStoreError, StoreError } from '../files/errors.ts';
import { descriptorOrUndefined, placeOf, unsealedOrOld } from '../files/json-record.ts';
import { entriesIn, readIfThere } from '../files/store-files.ts';
import type { StoreLayout } from '../folder/store-layout.ts';
import { type Publisher, publishLater } from '../sessions/published-file.ts';

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

  /** The image that has a name. @throws StoreError ('corrupt') when nobody can say which one had it, since its record is damaged */
  async get(name: string): Promise<ImageName | undefined> {
    const fresh = this.#fresh.get(name);
    if (fresh !== undefined) return { name, descriptor: fresh, taggedMs: Date.now() };
    const file = this.#layout.image(name);
    const image = await this.#read(file);
    if (image === 'damaged') throw damagedName(name, file);
    return image;
  }

  /** Gives a name to an image; whatever had it loses it. Nothing is written when it is that image's name already. */
  async tag(name: string, descriptor: Descriptor): Promise<void> {
    const present = this.#fresh.get(name) ?? (await this.#present(name));
    if (present?.digest === descriptor.digest) return;
    this.#fresh.set(name, descriptor);
    await publishLater(this.#publisher, this.#layout.image(name), { version: 1, name, descriptor });
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
    const folder = this.#layout.images;
    const files = await orStoreError(() => entriesIn(folder), 'list the names of images', folder);
    const images = await Promise.all(files.map(({ name }) => this.#read(path.join(folder, name))));
    const whole = images.filter((image) => image !== undefined && image !== 'damaged');
    return whole.toSorted((a, b) => byText(a.name, b.name));
  }

  async #present(name: string): Promise<Descriptor | undefined> {
    const image = await this.#read(this.#layout.image(name));
    return image === 'damaged' ? undefined : image?.descriptor;
  }

  async #read(file: string): Promise<ImageName | 'damaged' | undefined> {
    const text = await orStoreError(() => readIfThere(file), 'read a record of the store', file);
    if (text === undefined) return undefined;
    const image = readText(text.toString(), file, this.#layout);
    return image === undefined ? 'damaged' : withTime(image, file);
  }
}

/** What older versions wrote has no seal, but the name in it tells its place. */
function readText(text: string, file: string, layout: StoreLayout): Pick<ImageName, 'name' | 'descriptor'> | undefined {
  const value = unsealedOrOld(text, placeOf(file));
  const image = value && readName(value);
  return image !== undefined && layout.image(image.name) === file ? image : undefined;
}

function damagedName(name: string, file: string): StoreError {
  return new StoreError('corrupt', `Cannot find image "${name}": the record of this name is damaged`, {
    path: file,
    hint: 'Build, pull or load the image again, which gives it the name anew',
  });
}

async function withTime(image: Pick<ImageName, 'name' | 'descriptor'>, file: string): Promise<ImageName | undefined> {
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
    await rm(file, { recursive: true });
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
