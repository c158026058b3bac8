import type { JsonObject } from '../../registry/oci/json.ts';
import { readRecord } from '../files/json-record.ts';
import type { StoreLayout } from '../folder/store-layout.ts';
import { type Publisher, publishLater } from '../sessions/published-file.ts';

/**
 * Small results that follow from content alone, such as the digest of what a COPY takes from a certain snapshot. With them a cached build
 * need not read the indexes of its layers. Names must hold everything that the value depends on.
 */
export class DerivedValues {
  readonly #layout: StoreLayout;
  readonly #publisher: Publisher;

  constructor(layout: StoreLayout, publisher: Publisher) {
    this.#layout = layout;
    this.#publisher = publisher;
  }

  get(name: string): Promise<string | undefined> {
    return readRecord(this.#layout.derived(name), readValue, { touch: true });
  }

  async put(name: string, value: string): Promise<void> {
    await publishLater(this.#publisher, this.#layout.derived(name), { version: 1, value });
  }
}

function readValue(record: JsonObject): string | undefined {
  const { version, value } = record;
  return version === 1 && typeof value === 'string' ? value : undefined;
}
