import path from 'node:path';
import type { Descriptor } from '../../registry/oci/descriptor.ts';
import type { JsonObject } from '../../registry/oci/json.ts';
import type { Platform } from '../../registry/oci/platform.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import { orStoreError } from '../files/errors.ts';
import { descriptorOrUndefined, readRecord } from '../files/json-record.ts';
import { entriesIn } from '../files/store-files.ts';
import type { StoreLayout } from '../folder/store-layout.ts';
import type { Publisher } from '../sessions/published-file.ts';
import { RecordFiles } from './record-files.ts';

/** What a reference meant when its registry was last asked. */
export interface ResolvedImage {
  /** Of the platform's manifest. */
  readonly descriptor: Descriptor;
  /** Milliseconds since the epoch. */
  readonly resolvedMs: number;
}

/** (reference, platform) -> manifest, for pull policies. */
export class ResolvedImages {
  readonly #layout: StoreLayout;
  readonly #records: RecordFiles<ResolvedImage>;

  constructor(layout: StoreLayout, { publisher, blobs }: { publisher: Publisher; blobs: BlobStore }) {
    this.#layout = layout;
    this.#records = new RecordFiles(publisher, { read: readResolved, isThere: ({ descriptor }) => blobs.has(descriptor.digest) });
  }

  /** undefined when it was never resolved, or its manifest is not in the store any more. */
  async get(reference: string, platform: Platform): Promise<ResolvedImage | undefined> {
    return this.#records.get(this.#file(reference, platform));
  }

  /** True when the reference was resolved once, whether its manifest is still here or not. */
  async knows(reference: string, platform: Platform): Promise<boolean> {
    return (await readRecord(this.#file(reference, platform), readResolved)) !== undefined;
  }

  /** Remembers a resolution; manifest and configuration are blobs of the store already. */
  async put(reference: string, platform: Platform, descriptor: Descriptor): Promise<void> {
    const record = { reference, platform, descriptor, resolvedMs: Date.now() };
    await this.#records.put(this.#file(reference, platform), record);
  }

  /** All references that were resolved, each as often as it was for several platforms. */
  async list(): Promise<readonly { readonly reference: string; readonly descriptor: Descriptor }[]> {
    const folder = this.#layout.resolved;
    const files = await orStoreError(() => entriesIn(folder), 'list what registries answered', folder);
    const found = files.map(({ name }) => readRecord(path.join(folder, name), readReference));
    return (await Promise.all(found)).filter((one) => one !== undefined);
  }

  #file(reference: string, platform: Platform): string {
    const { os, architecture, variant = '' } = platform;
    return this.#layout.resolvedImage([reference, os, architecture, variant, platform['os.version'] ?? ''].join('\0'));
  }
}

function readResolved(value: JsonObject): ResolvedImage | undefined {
  const { version, resolvedMs } = value;
  const descriptor = descriptorOrUndefined(value['descriptor']);
  return version === 1 && descriptor !== undefined && typeof resolvedMs === 'number' ? { descriptor, resolvedMs } : undefined;
}

function readReference(value: JsonObject): { readonly reference: string; readonly descriptor: Descriptor } | undefined {
  const { reference } = value;
  const resolved = readResolved(value);
  return resolved === undefined || typeof reference !== 'string' ? undefined : { reference, descriptor: resolved.descriptor };
}
