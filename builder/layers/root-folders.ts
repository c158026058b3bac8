import path from 'node:path';
import pLimit, { type LimitFunction } from 'p-limit';
import { StoreError } from '../../cache/files/errors.ts';
import { snapshotFiles } from '../../cache/folder/store-layout.ts';
import { forgetSnapshot } from '../../cache/forget.ts';
import type { Snapshot } from '../../cache/snapshots/snapshot-store.ts';
import type { Store } from '../../cache/store.ts';
import { ExecutorError } from '../../executor/host/errors.ts';
import type { Lowers } from '../../executor/protocol/actions.ts';
import type { RefusalCode, WorkerFailure } from '../../executor/protocol/failures.ts';
import type { Descriptor } from '../../registry/oci/descriptor.ts';
import { type Digest, shortDigest } from '../../registry/oci/digest.ts';
import type { LayerFacts } from '../../registry/oci/layer/layer-facts.ts';
import { mediaType } from '../../registry/oci/media-type.ts';
import type { LazyWorker } from '../session/lazy-worker.ts';
import { ArrivingBlob, whileArriving } from './arriving-blob.ts';
import { takenOver } from './linked-layer.ts';
import { chainIdOfRoot, type LayerRef, type RootState } from './root-state.ts';
import { lostLayer, orForgetBlob, verifyLayers } from './verify-layers.ts';

/** Progress of making a root file system ready. `totalBytes` is 0 when unknown. */
export type OnProgress = (what: string, doneBytes: number, totalBytes: number) => void;

interface FolderOptions {
  /** The files of base images are compared with their layers before they are used for the first time. */
  readonly isSuspicious?: boolean;
  /** How many layers are unpacked at the same time. Default: as many as are asked for. */
  readonly parallelUnpacks?: number;
}

interface UnpackOptions {
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
}

/** How many layers of a base are fetched at the same time, as docker does. */
const parallelFetches = 3;

/**
 * Root file systems as folders. Layers of base images are fetched and unpacked here, and only here: when a step really needs the
 * files. Stages that share a base share the work.
 */
export class RootFolders {
  readonly #store: Store;
  readonly #worker: LazyWorker;
  /** By id map and chain. */
  readonly #unpacked = new Map<string, Promise<void>>();
  readonly #fetchLimit = pLimit(parallelFetches);
  readonly #unpackLimit: LimitFunction;
  readonly #isSuspicious: boolean;
  /** Folders. */
  readonly #verified = new Set<string>();

  constructor(store: Store, worker: LazyWorker, { isSuspicious = false, parallelUnpacks }: FolderOptions = {}) {
    this.#store = store;
    this.#worker = worker;
    this.#isSuspicious = isSuspicious;
    this.#unpackLimit = pLimit(parallelUnpacks ?? Number.POSITIVE_INFINITY);
  }

  /** True when the folders are there already. */
  async has(root: RootState): Promise<boolean> {
    return this.#store.snapshots.hasFolders(chainIdOfRoot(root));
  }

  /** The layer folders for the worker, lowest first; what is missing is fetched and unpacked. */
  async lowersOf(root: RootState, unpacking: UnpackOptions): Promise<Lowers> {
    await this.make(root, unpacking);
    // Until it has started it is only foreseen which ids it has, and so which folders it can use.
    await this.#worker.get();
    await this.make(root, unpacking);
    return this.#store.snapshots.lowersOf(chainIdOfRoot(root));
  }

  /** The same, compared with what was written of them: what is made of them has a digest of its own, or none, which could tell. */
  async wholeLowersOf(root: RootState, unpacking: UnpackOptions): Promise<Lowers> {
    const lowers = await this.lowersOf(root, unpacking);
    const chain = await this.#store.snapshots.chainOf(chainIdOfRoot(root));
    await verifyLayers(chain, { store: this.#store, worker: this.#worker, signal: unpacking.signal });
    return lowers;
  }

  /** Fetches and unpacks what is missing, so that the indexes of the layers can be read. */
  async make(root: RootState, unpacking: UnpackOptions): Promise<void> {
    if (this.#isSuspicious) await this.#verifyBase(root, unpacking);
    if (!(await this.has(root))) await this.#unpackAll(root.layers, unpacking);
  }

  /** Files of this build's own layers are compared when the layers leave. */
  async #verifyBase({ layers }: RootState, { signal }: UnpackOptions): Promise<void> {
    const base: Snapshot[] = [];
    // From here on it is certain which folders are used.
    await this.#worker.get();
    for (const { kind, chainId } of layers) {
      const snapshot = kind === 'foreign' ? await this.#store.snapshots.get(chainId) : undefined;
      if (snapshot === undefined || this.#verified.has(snapshot.directory)) continue;
      base.push(snapshot);
      this.#verified.add(snapshot.directory);
    }
    await verifyLayers(base, { store: this.#store, worker: this.#worker, signal });
  }

  /** Layers are fetched beside each other and unpacked one on top of the other. */
  async #unpackAll(layers: readonly LayerRef[], unpacking: UnpackOptions): Promise<void> {
    let below: Promise<void> = Promise.resolve();
    let parent: Digest | undefined;
    for (const layer of layers) {
      below = this.#unpackOnce(layer, { below, parent, unpacking });
      parent = layer.chainId;
    }
    await below;
  }

  #unpackOnce(layer: LayerRef, place: LayerPosition): Promise<void> {
    const name = `${this.#store.layout.idMap} ${layer.chainId}`;
    const known = this.#unpacked.get(name);
    if (known !== undefined) return known;
    const unpacked = this.#unpack(layer, place);
    unpacked.catch(() => undefined); // every waiter sees it; none may have come yet
    this.#unpacked.set(name, unpacked);
    return unpacked;
  }

  async #unpack(layer: LayerRef, { below, parent, unpacking }: LayerPosition): Promise<void> {
    const snapshot = await this.#store.snapshots.get(layer.chainId);
    if (snapshot !== undefined && (await this.#store.snapshots.isPacked(snapshot))) {
      await below;
      return this.#unpackOwn(snapshot, unpacking);
    }
    if (snapshot !== undefined) return below;
    const { idMap } = this.#store.layout;
    if (layer.kind === 'built') {
      await Promise.all([this.#worker.get(), below]);
      return idMap === this.#store.layout.idMap ? this.#takeOver(layer, parent, unpacking) : undefined;
    }
    return this.#unpackForeign(layer, { below, parent, unpacking });
  }

  async #unpackForeign(layer: ForeignLayer, { below, parent, unpacking }: LayerPosition): Promise<void> {
    const { idMap } = this.#store.layout;
    const arriving = this.#fetch(layer, unpacking);
    const ready = Promise.all([this.#worker.get(), below, arriving.begun]);
    // A blob that cannot be had is told of at once.
    await Promise.race([ready, arriving.whole.then(() => ready)]);
    if (idMap !== this.#store.layout.idMap) {
      // The worker has other ids than was foreseen, so this is asked for again.
      await arriving.whole;
      return;
    }
    const { diffId, chainId, descriptor } = layer;
    const directory = await this.#store.snapshots.prepare();
    const lowers = await this.#store.snapshots.lowersOf(parent);
    const services = { store: this.#store, signal: unpacking.signal };
    const facts = await orForgetBlob(descriptor.digest, services, () =>
      this.#unpackArriving(arriving, { diffId, descriptor, directory, lowers }, unpacking),
    );
    await this.#store.snapshots.commit(directory, { chainId, parent, facts });
    unpacking.onProgress(whatUnpacks(descriptor), facts.sizeBytes, facts.sizeBytes);
  }

  async #unpackArriving(
    arriving: ArrivingBlob,
    { descriptor, ...folder }: UnpackedFolder,
    { signal, onProgress }: UnpackOptions,
  ): Promise<LayerFacts> {
    const worker = await this.#worker.get();
    const { digest, mediaType: type } = descriptor;
    const request = { kind: 'unpack', blob: this.#store.blobs.path(digest), mediaType: type, ...folder } as const;
    const tell = (doneBytes: number): void => {
      // While it still arrives, that is what people see. How much a compressed layer unpacks to is known when it is done.
      if (arriving.file === undefined) onProgress(whatUnpacks(descriptor), doneBytes, 0);
    };
    return whileArriving(arriving, signal, async (ending) => {
      // Who waits for a network takes nobody's turn.
      const { activeCount, pendingCount, concurrency } = this.#unpackLimit;
      if (activeCount + pendingCount >= concurrency) await arriving.whole;
      return this.#unpackLimit(() => {
        tell(0);
        const onSent = (tellGrown: (bytes: number) => void): void => arriving.follow(tellGrown);
        return worker.request({ ...request, arriving: arriving.file }, { signal: ending, onProgress: tell, onSent });
      });
    });
  }

  /** A layer that was made with other ids, from which its tar is made. */
  async #takeOver(
    layer: Extract<LayerRef, { kind: 'built' }>,
    parent: Digest | undefined,
    unpacking: UnpackOptions,
  ): Promise<void> {
    const facts = await takenOver(layer, parent, { store: this.#store, worker: this.#worker, signal: unpacking.signal });
    const snapshot = facts && (await this.#store.snapshots.get(layer.chainId));
    if (snapshot === undefined) throw lostLayer(layer.facts.diffId, this.#store.layout.snapshot(layer.chainId));
    await this.#unpackOwn(snapshot, unpacking);
  }

  /** A layer that a COPY left packed, since nothing needed its files then. */
  async #unpackOwn(snapshot: Snapshot, { signal, onProgress }: UnpackOptions): Promise<void> {
    const { snapshots } = this.#store;
    const { diffId, sizeBytes } = snapshot.facts;
    const [directory, lowers, worker] = await Promise.all([
      snapshots.prepare(),
      snapshots.lowersOf(snapshot.parent),
      this.#worker.get(),
    ]);
    onProgress(`unpacking ${shortDigest(diffId)}`, 0, sizeBytes);
    const blob = path.join(snapshot.directory, snapshotFiles.packed);
    try {
      await this.#unpackLimit(() =>
        worker.request(
          { kind: 'unpack', isOwn: true, blob, mediaType: mediaType.layer, diffId, directory, lowers },
          { signal, onProgress: (doneBytes) => onProgress(`unpacking ${shortDigest(diffId)}`, doneBytes, sizeBytes) },
        ),
      );
    } catch (error) {
      // The tar goes when another build has unpacked it.
      if (await snapshots.isPacked(snapshot)) throw await this.#withoutDamage(error, snapshot);
    }
    await snapshots.unpacked(snapshot, directory);
    onProgress(`unpacking ${shortDigest(diffId)}`, sizeBytes, sizeBytes);
  }

  /** A tar of our own that cannot be unpacked is not what was written, unless the disk is full or somebody ends the build. */
  async #withoutDamage(error: unknown, snapshot: Snapshot): Promise<unknown> {
    if (!(error instanceof ExecutorError) || !isAboutTheTar(error.failure)) return error;
    await forgetSnapshot(this.#store, snapshot);
    return new StoreError('corrupt', `Cannot use layer ${snapshot.facts.diffId} of the store: its files were changed`, {
      path: snapshot.directory,
      hint: 'The layer was removed from the store; build the image again to have it anew',
      isRemoved: true,
    });
  }

  #fetch(layer: ForeignLayer, { signal, onProgress }: UnpackOptions): ArrivingBlob {
    const { descriptor, blobs } = layer;
    const { size } = descriptor;
    const what = shortDigest(descriptor.digest);
    return new ArrivingBlob(size, (onGrown) =>
      this.#fetchLimit(() =>
        this.#store.blobs.fetch(descriptor, blobs, { signal, onGrown, onProgress: (done) => onProgress(what, done, size) }),
      ),
    );
  }
}

type ForeignLayer = Extract<LayerRef, { kind: 'foreign' }>;

/** What a layer of a base is unpacked to. */
interface UnpackedFolder extends Pick<ForeignLayer, 'diffId' | 'descriptor'> {
  readonly directory: string;
  readonly lowers: Lowers;
}

interface LayerPosition {
  /** Settles when the layers below are unpacked. */
  readonly below: Promise<void>;
  readonly parent: Digest | undefined;
  readonly unpacking: UnpackOptions;
}

function whatUnpacks({ digest }: Descriptor): string {
  return `unpacking ${shortDigest(digest)}`;
}

function isAboutTheTar(failure: WorkerFailure): boolean {
  if (failure.kind === 'syscall') return failure.errno === 'ENOENT';
  return failure.kind === 'refused' && tarRefusals.has(failure.code);
}

const tarRefusals: ReadonlySet<RefusalCode> = new Set([
  'digest-mismatch',
  'archive-invalid',
  'archive-escapes',
  'archive-too-large',
  'unsupported-compression',
]);
