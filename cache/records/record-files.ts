import type { JsonObject } from '../../registry/oci/json.ts';
import { readRecord } from '../files/json-record.ts';
import { type Publisher, publishLater } from '../sessions/published-file.ts';

/** How records of one kind are read. */
export interface RecordKind<T> {
  /** undefined for what is no such record. That it has version 1 was looked at. */
  readonly read: (record: JsonObject) => T | undefined;
  /** False when what a record names is gone from the store. Default: it names nothing. */
  readonly isThere?: (value: T) => Promise<boolean>;
}

/** Records of one kind, each a file of its own: as good as not there when they cannot be read or what they name is gone. */
export class RecordFiles<T extends object> {
  readonly #publisher: Publisher;
  readonly #kind: RecordKind<T>;

  constructor(publisher: Publisher, kind: RecordKind<T>) {
    this.#publisher = publisher;
    this.#kind = kind;
  }

  /** The record, which counts as used now. */
  async get(file: string): Promise<T | undefined> {
    const { read, isThere } = this.#kind;
    const value = await readRecord(file, (record) => (record['version'] === 1 ? read(record) : undefined), { touch: true });
    return value === undefined || (isThere !== undefined && !(await isThere(value))) ? undefined : value;
  }

  /** Remembers a record, which others see with the next group sync. */
  async put(file: string, value: T): Promise<void> {
    await publishLater(this.#publisher, file, { version: 1, ...value });
  }
}
