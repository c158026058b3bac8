import { rm } from 'node:fs/promises';
import type { Digest } from '../../registry/oci/digest.ts';
import { isJsonObject, type JsonObject } from '../../registry/oci/json.ts';
import type { LayerFacts } from '../../registry/oci/layer/layer-facts.ts';
import { orStoreError } from '../files/errors.ts';
import { digestOrUndefined, readRecord } from '../files/json-record.ts';
import type { StoreLayout } from '../folder/store-layout.ts';
import { type Publication, type Publisher, writeListRecord } from '../sessions/published-file.ts';
import { RecordFiles } from './record-files.ts';

/** One named part of a step's key: compared by digest, shown as text. Secrets are masked before they come here. */
interface RecordedComponent {
  readonly name: string;
  readonly digest: string;
  readonly shown: string;
}

/** What a step with a certain key made. */
export interface StepRecord {
  /** The file-system state after the step. */
  readonly chainId: Digest;
  readonly facts: LayerFacts;
  /** Other states that a command had before it. When one of them turns out to be damaged, the result may be wrong. Default: none. */
  readonly mounted?: readonly Digest[];
}

/** What is remembered of the latest run of one step of one Containerfile, to say why it ran again. */
export interface SlotRecord {
  readonly key: string;
  readonly components: readonly RecordedComponent[];
  /** One line for each input file, in order, as the key's author wrote them. */
  readonly inputs: readonly string[];
}

/** StepKey -> result, and slot -> latest key. Keys are 64 hex digits. */
export class StepRecords {
  readonly #layout: StoreLayout;
  readonly #publisher: Publisher;
  readonly #records: RecordFiles<StepRecord>;
  readonly #fresh = new Map<string, StepRecord>();

  constructor(layout: StoreLayout, publisher: Publisher) {
    this.#layout = layout;
    this.#publisher = publisher;
    this.#records = new RecordFiles(publisher, { read: readStep });
  }

  /** The result recorded for a key; that its snapshot still exists is for the caller to check. */
  async get(key: string): Promise<StepRecord | undefined> {
    return this.#fresh.get(key) ?? (await this.#records.get(this.#layout.step(key)));
  }

  /** Remembers a result. Other builds see it once the snapshot is durable (Store.flush). */
  async put(key: string, record: StepRecord): Promise<void> {
    this.#fresh.set(key, record);
    await this.#records.put(this.#layout.step(key), record);
  }

  /** Forgets a result, so that the step runs again. */
  async remove(key: string): Promise<void> {
    this.#fresh.delete(key);
    const file = this.#layout.step(key);
    await orStoreError(() => rm(file, { force: true }), 'forget a step', file);
  }

  /** The latest run in a slot: a name for "this step of this file", such as the stage and the instruction's number. */
  latest(slot: string): Promise<SlotRecord | undefined> {
    return readRecord(this.#layout.slot(slot), readSlot);
  }

  /** Writes what is to replace the latest run of a slot, once it is published. The lines are gone through once. */
  writeLatest(slot: string, record: Omit<SlotRecord, 'inputs'>, inputs: Iterable<string>): Promise<Publication> {
    const list = { name: 'inputs', lines: inputs };
    return writeListRecord(this.#publisher, this.#layout.slot(slot), { fields: { version: 1, ...record }, list });
  }
}

function readStep(value: JsonObject): StepRecord | undefined {
  const chainId = digestOrUndefined(value['chainId']);
  const { facts } = value;
  if (chainId === undefined || !isJsonObject(facts)) return undefined;
  const { sizeBytes, entries } = facts;
  const diffId = digestOrUndefined(facts['diffId']);
  if (diffId === undefined || typeof sizeBytes !== 'number' || typeof entries !== 'number') return undefined;
  const mounted = mountedOf(value);
  return mounted && { chainId, facts: { diffId, sizeBytes, entries }, ...(mounted.length > 0 && { mounted }) };
}

function mountedOf({ mounted = [] }: JsonObject): readonly Digest[] | undefined {
  if (!Array.isArray(mounted)) return undefined;
  const digests = mounted.map(digestOrUndefined).filter((digest) => digest !== undefined);
  return digests.length === mounted.length ? digests : undefined;
}

function readSlot(value: JsonObject): SlotRecord | undefined {
  const { version, key, components, inputs } = value;
  if (version !== 1 || typeof key !== 'string' || !Array.isArray(components) || !Array.isArray(inputs)) return undefined;
  if (!components.every(isComponent) || !inputs.every((line) => typeof line === 'string')) return undefined;
  return { key, components, inputs };
}

function isComponent(value: unknown): value is RecordedComponent {
  return (
    isJsonObject(value) &&
    typeof value['name'] === 'string' &&
    typeof value['digest'] === 'string' &&
    typeof value['shown'] === 'string'
  );
}
