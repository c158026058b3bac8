import nodePath from 'node:path';
import { largestManifestBytes } from '../registry/oci/decode.ts';
import type { Descriptor } from '../registry/oci/descriptor.ts';
import { type Digest, digestFromHex, isDigest } from '../registry/oci/digest.ts';
import { isJsonObject, type JsonObject } from '../registry/oci/json.ts';
import { decodeMembers } from '../registry/oci/layer/member-index.ts';
import { isCorrupt } from './files/errors.ts';
import { descriptorOrUndefined, placeOf, unsealedOrOld } from './files/json-record.ts';
import { readIfThere, statIfThere } from './files/store-files.ts';
import { type Item, type ItemKind, jsonIn, takeInventory } from './inventory.ts';
import { isWholeTable } from './records/digest-table.ts';
import type { Store } from './store.ts';

/** Something in the store that is not what was written. */
export interface Damage {
  readonly kind: ItemKind;
  /** The file or folder that goes when it is repaired. */
  readonly path: string;
  /** What people know it by, and what is wrong with it. */
  readonly what: string;
}

/** A blob or snapshot that is to be looked at. */
export interface Verifiable {
  readonly path: string;
  readonly bytes: number;
}

export interface VerifiableBlob extends Verifiable {
  readonly digest: Digest;
}

export interface VerifiableSnapshot extends Verifiable {
  readonly chainId: Digest;
}

/** Everything in the store, sorted by how it is verified. */
export interface Contents {
  readonly blobs: readonly VerifiableBlob[];
  readonly snapshots: readonly VerifiableSnapshot[];
  /** Files that are small, and tell themselves whether they are whole. */
  readonly records: readonly Item[];
}

/** Lists what there is. What a build is just making is not there yet. */
export async function contentsOf({ layout }: Store): Promise<Contents> {
  const items = await takeInventory(layout);
  return {
    blobs: items.flatMap((item) => {
      const digest = item.kind === 'blob' ? item.id.slice('blob '.length) : '';
      return isDigest(digest) ? [{ path: item.path, bytes: item.bytes, digest }] : [];
    }),
    snapshots: items
      .filter(
        ({ kind, usedMs, path }) => kind === 'snapshot' && usedMs >= 0 && /^[0-9a-f]{64}(?:\.|$)/.test(nodePath.basename(path)),
      )
      .map(({ path, bytes }) => ({ path, bytes, chainId: digestFromHex(nodePath.basename(path).slice(0, 64)) })),
    records: items.filter(({ kind }) => kind !== 'blob' && kind !== 'snapshot' && kind !== 'cache'),
  };
}

/** What is wrong with a record; undefined when it is whole. What older versions wrote has no seal, and is as good as not there. */
export async function damageOfRecord({ kind, path }: Item): Promise<Damage | undefined> {
  const bytes = await readIfThere(path);
  if (bytes === undefined) return undefined;
  if (kind === 'context') return isWholeTable(bytes) ? undefined : { kind, path, what: 'what is remembered of a context' };
  if (kind === 'members') return damageOfMembers(path, bytes);
  const text = bytes.toString();
  const record = unsealedOrOld(text, placeOf(path));
  if (record !== undefined && (record['seal'] !== undefined || record['version'] === 1)) return undefined;
  return { kind, path, what: kind === 'image' ? nameIn(text) : `the record ${placeOf(path)}` };
}

function damageOfMembers(path: string, bytes: Buffer): Damage | undefined {
  const name = nodePath.basename(path);
  return decodeMembers(name, bytes) === undefined
    ? { kind: 'members', path, what: `what tells the members of blob ${name}` }
    : undefined;
}

/** Only for people: nobody knows whether it is what was written. */
function nameIn(text: string): string {
  const [, name] = /"name":"([^"\\]*)"/.exec(text) ?? [];
  return name === undefined ? 'the name of an image' : `the name of an image, which looks like "${name}"`;
}

/** What is wrong with a snapshot beside its files. undefined when it is whole, or not there. */
export async function damageOfSnapshot({ chainId, path }: VerifiableSnapshot, store: Store): Promise<Damage | undefined> {
  const snapshot = await store.snapshots.inFolder(nodePath.basename(path), chainId);
  if (snapshot === undefined) return { kind: 'snapshot', path, what: `the description of snapshot ${chainId}` };
  const what = `layer ${snapshot.facts.diffId}`;
  try {
    await store.snapshots.verifyIndex(snapshot);
  } catch (error) {
    if (isCorrupt(error)) return { kind: 'snapshot', path, what: `the index of ${what}` };
    throw error;
  }
  const { parent } = snapshot;
  const isBased = parent === undefined || (await store.snapshots.withAnyIds(parent)) !== undefined;
  return isBased ? undefined : { kind: 'snapshot', path, what: `${what}: the one below is not there` };
}

/** The sizes of blobs, as far as documents and records tell. */
export async function knownSizes({ blobs, records }: Contents): Promise<ReadonlyMap<Digest, number>> {
  const documents = blobs.filter(({ bytes }) => bytes <= largestManifestBytes);
  const files = [...documents, ...records.filter(({ kind }) => kind === 'layer')];
  const descriptors: Descriptor[] = [];
  for (const { path } of files) descriptors.push(...namedBy((await jsonIn(path)) ?? {}));
  return new Map(descriptors.map(({ digest, size }) => [digest, size]));
}

function namedBy({ config, layers, manifests, descriptor }: JsonObject): readonly Descriptor[] {
  const lists = [layers, manifests].flatMap((list) => (Array.isArray(list) ? list : []));
  return [config, descriptor, ...lists]
    .filter((value) => isJsonObject(value))
    .map(descriptorOrUndefined)
    .filter((value) => value !== undefined);
}

/** What is wrong with a blob: its size, if that is known, and its content, if that is to be read. */
export async function damageOfBlob(
  { digest, path }: VerifiableBlob,
  { store, size, isRead, signal }: { store: Store; size: number | undefined; isRead: boolean; signal: AbortSignal },
): Promise<Damage | undefined> {
  const damage: Damage = { kind: 'blob', path, what: `blob ${digest}` };
  const status = await statIfThere(path);
  if (status === undefined) return undefined;
  if (!status.isFile() || (size !== undefined && status.size !== size)) return damage;
  return !isRead || (await store.blobs.isWhole(digest, signal)) ? undefined : damage;
}
