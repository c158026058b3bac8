import { rename } from 'node:fs/promises';
import { basename } from 'node:path';
import { orStoreError, StoreError } from '../../cache/files/errors.ts';
import { forgetSnapshot } from '../../cache/forget.ts';
import type { Snapshot } from '../../cache/snapshots/snapshot-store.ts';
import type { Store } from '../../cache/store.ts';
import {
  type Contents,
  contentsOf,
  type Damage,
  damageOfBlob,
  damageOfRecord,
  damageOfSnapshot,
  knownSizes,
  type Verifiable,
  type VerifiableSnapshot,
} from '../../cache/verify.ts';
import { isOfOtherIds } from '../../executor/host/errors.ts';
import { largestManifestBytes } from '../../registry/oci/decode.ts';
import type { Descriptor } from '../../registry/oci/descriptor.ts';
import type { Digest } from '../../registry/oci/digest.ts';
import { DocumentError } from '../../registry/oci/json.ts';
import type { LayerFacts } from '../../registry/oci/layer/layer-facts.ts';
import { isMissing } from '../../registry/oci/thrown.ts';

import { localLayersOf } from '../layers/local-layers.ts';
import type { OnProgress } from '../layers/root-folders.ts';
import { damageOf } from '../layers/verify-layers.ts';
import type { ImageSession } from '../places/image-session.ts';
import { readImage } from '../places/stored-images.ts';

export interface VerifyOptions {
  /** Sizes, records and documents alone: layers are not read. */
  readonly isQuick: boolean;
  /** What is damaged goes, so that the next build makes or fetches it again. */
  readonly repairs: boolean;
}

/** An image that a name of the store stands for, and that is not all there. */
interface IncompleteImage {
  readonly name: string;
  readonly why: string;
}

/** What was found. */
export interface StoreReport {
  readonly verified: { readonly blobs: number; readonly snapshots: number; readonly records: number };
  readonly damaged: readonly Damage[];
  readonly isRepaired: boolean;
  readonly incompleteImages: readonly IncompleteImage[];
}

/**
 * Looks at everything in the store. Builds may go on meanwhile.
 *
 * @throws StoreError, EnvironmentError when layers are to be read and no worker can be started, and the signal's reason
 */
export async function verifyStore(wanted: VerifyOptions, session: ImageSession): Promise<StoreReport> {
  const { store } = session;
  if (store.isThere) await store.hold();
  const contents = await contentsOf(store);
  const damaged = [
    ...(await damagedRecords(contents)),
    ...(await damagedBlobs(contents, wanted, session)),
    ...(await damagedSnapshots(contents, wanted, session)),
  ];
  if (wanted.repairs) for (const damage of damaged) await remove(damage, contents, store);
  const { blobs, snapshots, records } = contents;
  return {
    verified: { blobs: blobs.length, snapshots: snapshots.length, records: records.length },
    damaged,
    isRepaired: wanted.repairs,
    incompleteImages: await incompleteImages(damaged, store),
  };
}

async function damagedRecords({ records }: Contents): Promise<readonly Damage[]> {
  const found = await Promise.all(records.map(damageOfRecord));
  return found.filter((damage) => damage !== undefined);
}

async function damagedBlobs(
  contents: Contents,
  { isQuick }: VerifyOptions,
  { store, signal, onProgress }: ImageSession,
): Promise<readonly Damage[]> {
  const sizes = await knownSizes(contents);
  const damaged: Damage[] = [];
  const tell = progressOf('blobs', contents.blobs, onProgress);
  for (const blob of contents.blobs) {
    const isRead = !isQuick || blob.bytes <= largestManifestBytes;
    const damage = await damageOfBlob(blob, { store, size: sizes.get(blob.digest), isRead, signal });
    if (damage !== undefined) damaged.push(damage);
    tell(blob);
  }
  return damaged;
}

async function damagedSnapshots(
  { snapshots }: Contents,
  { isQuick }: VerifyOptions,
  session: ImageSession,
): Promise<readonly Damage[]> {
  const damaged: Damage[] = [];
  const tell = progressOf('snapshots', snapshots, session.onProgress);
  for (const snapshot of snapshots) {
    session.signal.throwIfAborted();
    const damage =
      (await damageOfSnapshot(snapshot, session.store)) ?? (isQuick ? undefined : await damagedFiles(snapshot, session));
    if (damage !== undefined) damaged.push(damage);
    tell(snapshot);
  }
  return damaged;
}

/** Tells how far it is, in bytes of what has been looked at. */
function progressOf(what: string, all: readonly Verifiable[], onProgress: OnProgress): (one: Verifiable) => void {
  const total = all.reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  return ({ bytes }) => onProgress(what, (done += bytes), total);
}

async function damagedFiles({ chainId, path }: VerifiableSnapshot, session: ImageSession): Promise<Damage | undefined> {
  const snapshot = await session.store.snapshots.inFolder(basename(path), chainId);
  const damage = snapshot && (await damageOfReadable(snapshot, session));
  return damage && { kind: 'snapshot', path, what: `the files of layer ${snapshot.facts.diffId}` };
}

/** Layers that were made with other ids may have files that nobody here can read, as with every use of them. */
async function damageOfReadable(snapshot: Snapshot, session: ImageSession): Promise<StoreError | undefined> {
  try {
    return await damageOf(snapshot, session);
  } catch (error) {
    const isOurs = snapshot.directory === session.store.layout.snapshot(snapshot.chainId);
    if (isOurs || !isOfOtherIds(error)) throw error;
    session.onNotice(
      `Layer ${snapshot.facts.diffId} was made with other user ids than yours and is not compared (${snapshot.directory})`,
    );
    return undefined;
  }
}

/** A folder can hold files of other ids, so it goes to the session's waste; so does what took the place of a file. */
async function remove({ kind, path }: Damage, { snapshots }: Contents, store: Store): Promise<void> {
  const snapshot = kind === 'snapshot' ? snapshots.find((one) => one.path === path) : undefined;
  if (snapshot !== undefined) return forgetSnapshot(store, { chainId: snapshot.chainId, directory: path });
  const waste = await store.newPath();
  try {
    await orStoreError(() => rename(path, waste), 'remove what is damaged', path);
  } catch (error) {
    if (!(error instanceof StoreError && isMissing(error.cause))) throw error;
  }
}

/** Images that need something that is lost, whether it was lost now or before. */
async function incompleteImages(damaged: readonly Damage[], store: Store): Promise<readonly IncompleteImage[]> {
  const lost = new Set(damaged.map(({ path }) => path));
  const incomplete: IncompleteImage[] = [];
  for (const { name, descriptor } of await store.images.list()) {
    const why = await whyIncomplete(descriptor, lost, store);
    if (why !== undefined) incomplete.push({ name, why });
  }
  return incomplete;
}

async function whyIncomplete(descriptor: Descriptor, lost: ReadonlySet<string>, store: Store): Promise<string | undefined> {
  const isLost = async (digest: Digest): Promise<boolean> =>
    lost.has(store.blobs.path(digest)) || !(await store.blobs.has(digest));
  const read = async (digest: Digest): Promise<Uint8Array> => {
    // Reading a damaged document removes it, which is not asked for.
    if (await isLost(digest)) throw new StoreError('corrupt', `document ${digest} is lost`, { path: store.blobs.path(digest) });
    return store.blobs.readDocument(digest);
  };
  try {
    const { manifests } = await readImage(descriptor, read);
    for (const { manifest, config } of manifests) {
      const local = config === undefined ? new Map<Digest, LayerFacts>() : await localLayersOf(store, { manifest, config });
      for (const [chainId, { diffId }] of local) {
        const copies = await store.snapshots.copiesOf(chainId);
        if (copies.length > 0 && copies.every(({ directory }) => lost.has(directory))) return `layer ${diffId} is lost`;
      }
      const made = new Set([...local.values()].map(({ diffId }) => diffId));
      for (const { digest } of manifest.layers) if (!made.has(digest) && (await isLost(digest))) return `layer ${digest} is lost`;
    }
    return undefined;
  } catch (error) {
    if (!(error instanceof StoreError) && !(error instanceof DocumentError)) throw error;
    return error.message;
  }
}
