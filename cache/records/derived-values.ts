import type { JsonObject } from '../../registry/oci/json.ts';
import type { StoreLayout } from '../folder/store-layout.ts';
import type { Publisher } from '../sessions/published-file.ts';
import { RecordFiles } from './record-files.ts';

/**
 * Small results that follow from content alone, such as the digest of what a COPY takes from a certain snapshot. With them a cached build
 * need not read the indexes of its layers. Names must hold everything that the value depends on.
 */
export class DerivedValues {
  readonly #layout: StoreLayout;
  readonly #records: RecordFiles<{ readonly value: string }>;

  constructor(layout: StoreLayout, publisher: Publisher) {
    this.#layout = layout;
    this.#records = new RecordFiles(publisher, { read: readValue });
  }

  async get(name: string): Promise<string | undefined> {
    return (await this.#records.get(this.#layout.derived(name)))?.value;
  }

  async put(name: string, value: string): Promise<void> {
    await this.#records.put(this.#layout.derived(name), { value });
  }
}

function readValue({ value }: JsonObject): { readonly value: string } | undefined {
  return typeof value === 'string' ? { value } : undefined;
}
