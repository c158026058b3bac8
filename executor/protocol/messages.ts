import type { Digest } from '../../registry/oci/digest.ts';
import type { LayerFacts } from '../../registry/oci/layer/layer-facts.ts';
import type { Action, Lowers } from './actions.ts';
import type { CommandUsage } from './command-usage.ts';
import type { WorkerFailure } from './failures.ts';
import type { StorageChoice, StorageKind } from './storage.ts';

/** Numbers a request; replies and output carry it back. */
type RequestId = number;

/** With our own rule of what is stored: a change of either is another compressor. */
export type GzipCompressor = 'libdeflate 0.1.0';

/** The library by its version. */
export type ZstdCompressor = 'zstd 1.5.7';

/** Where a tar is cut into members that are compressed by themselves. `entries-1m`: at entries, once a mebibyte on average. */
export type MemberCut = 'entries-1m';

/** How a layer's tar is stored. All of it decides the bytes. Levels are the compressor's own. */
export type LayerCompression =
  | { readonly kind: 'none' }
  | { readonly kind: 'gzip'; readonly compressor: GzipCompressor; readonly level: number; readonly cut: MemberCut }
  | { readonly kind: 'zstd'; readonly compressor: ZstdCompressor; readonly level: number; readonly cut: MemberCut };

/** When a layer was made, for what has no time of its own. */
export interface LayerEpoch {
  /** T0 and later become this. */
  readonly seconds: number;
  /** The layer folders below that keep their times, lowest first: those of a base image. */
  readonly base: Lowers;
  /** Those above them, and below the layer, which have the epoch's time as well. */
  readonly below: Lowers;
}

/** The members of a compressed blob of the store. */
export interface KnownMembers {
  /** What tells them, a file named as the blob's digest. */
  readonly index: string;
  readonly blob: string;
}

/** What is remembered of members, so that they are not compressed again. */
export interface MemberFiles {
  /** The newest first. */
  readonly known: readonly KnownMembers[];
  /** A new file for the members of the blob that is written. */
  readonly output: string;
}

/** Where a layer goes that is compressed while it is packed. */
export interface PackedBlobFiles {
  readonly output: string;
  readonly compression: Exclude<LayerCompression, { readonly kind: 'none' }>;
  readonly members: MemberFiles;
}

/** What a step has made: its layer, and the blob of it when that was asked for and the layer could be packed. */
export interface StepResult extends LayerFacts {
  readonly blob?: { readonly digest: Digest; readonly sizeBytes: number };
}

/** What the network of commands that are `private` is to be like. */
export interface NetworkRequest {
  /** The program that carries the packets, and where it is. */
  readonly provider: 'pasta' | 'slirp4netns';
  readonly program: string;
  /** TCP ports of this machine's loopback that are to be on the network's loopback too, such as a proxy's. */
  readonly hostPorts: readonly number[];
  /** Whether services on this machine's loopback answer at the address of the gateway. */
  readonly reachesHost: boolean;
}

/** The file of a blob that is still arriving: `grown` tells how many bytes are there. Whether it is what its name says is not known yet. */
export interface ArrivingFile {
  /** Where it is until it is whole. */
  readonly file: string;
  /** How many bytes it will have. */
  readonly sizeBytes: number;
}

/** What main asks of the worker. Every path is absolute and lies in the store, unless said otherwise. */
export type WorkerRequest =
  /**
   * Unpacks a layer into `directory`/fs and writes `directory`/index. Fails unless the tar's digest is `diffId`. A layer of ours does not
   * speak of its root, which then looks like the one below.
   */
  | {
      readonly kind: 'unpack';
      readonly isOwn?: boolean;
      readonly blob: string;
      readonly arriving?: ArrivingFile | undefined;
      readonly mediaType: string;
      readonly diffId: Digest;
      readonly directory: string;
      readonly lowers: Lowers;
    }
  /**
   * Carries out an action on top of `lowers`, then commits: `directory`/fs is the layer's folder, `directory`/index its entries. With
   * `mayPack` a COPY may write the layer's tar to `directory`/layer.tar instead of making the folder; with `blob` it is compressed then, and
   * `directory`/layer.tar is the blob, under a second name.
   */
  | {
      readonly kind: 'step';
      readonly mayPack?: boolean;
      readonly blob?: PackedBlobFiles | undefined;
      readonly action: Action;
      readonly directory: string;
      readonly lowers: Lowers /** Nanoseconds since the epoch, decimal: mtimes not before it become T0. */;
      readonly buildStartNs: string;
    }
  /** Makes the layer's tar again, compressed, into the new file `output`. Fails ('layer-damaged') unless its digest without an epoch is `diffId`. */
  | {
      readonly kind: 'write-layer';
      readonly directory: string;
      readonly diffId: Digest;
      readonly output: string;
      readonly compression: LayerCompression;
      readonly epoch: LayerEpoch | undefined;
      /** Nobody waits for it, and commands of RUN go first: it is compressed at a lower priority. */
      readonly isInBackground?: boolean;
      readonly members?: MemberFiles | undefined;
    }
  /** Compares the files of a layer with its index, or its tar with `diffId` when it is packed. Fails with 'layer-damaged'. */
  | {
      readonly kind: 'verify-layer';
      readonly directory: string;
      readonly diffId: Digest;
      /** The folders of the layers below, lowest first; undefined when they are not at hand. */
      readonly lowers?: readonly string[] | undefined;
      /** The layer was made with the ids of this worker. */
      readonly hasOurIds: boolean;
    }
  /** Writes the tar of a foreign layer, compressed in another way, into the new file `output`. Fails unless its digest is `diffId`. */
  | {
      readonly kind: 'convert-layer';
      readonly blob: string;
      readonly diffId: Digest;
      readonly output: string;
      readonly compression: LayerCompression;
      /** As in 'write-layer'. */
      readonly isInBackground?: boolean;
      readonly members?: MemberFiles | undefined;
    }
  /** Writes whole root file systems to one folder or tar outside the store. `path` is new (a folder may be empty). */
  | {
      readonly kind: 'export-tree';
      readonly trees: readonly ExportedTree[];
      readonly form: 'directory' | 'tar';
      readonly path: string;
    }
  /** Starts a network for commands that are `private`, and joins it: once, and for good. */
  | { readonly kind: 'join-network'; readonly network: NetworkRequest }
  /** Chooses how steps get their trees, before any other request; `auto`: the best that works in the worker's folder for small things. */
  | { readonly kind: 'storage'; readonly asked: StorageKind | 'auto' }
  /** Carries out a RUN that does nothing, in the empty folder `directory`, which is gone afterwards. */
  | { readonly kind: 'trial'; readonly directory: string }
  /**
   * Removes trees that hold ids the user cannot remove, one after the other: names, or paths, below `folder`, which must not be a link.
   * Missing ones are fine.
   */
  | { readonly kind: 'remove'; readonly folder: string; readonly names: readonly string[] };

/** The root file system of one platform in an export. */
export interface ExportedTree {
  readonly lowers: Lowers;
  readonly epoch: number | undefined;
  /** The name of the folder that it gets; undefined: it lies in one place with the others. */
  readonly folder: string | undefined;
  /** For messages: `linux/arm/v7`. */
  readonly platform: string;
}

/** The answer to each kind of request. */
export interface WorkerResults {
  readonly unpack: LayerFacts;
  readonly step: StepResult;
  readonly 'write-layer': { readonly digest: Digest; readonly sizeBytes: number; readonly diffId: Digest };
  readonly 'verify-layer': Record<string, never>;
  readonly 'convert-layer': { readonly digest: Digest; readonly sizeBytes: number; readonly diffId: Digest };
  readonly 'export-tree': { readonly files: number };
  readonly 'join-network': Record<string, never>;
  readonly storage: StorageChoice;
  readonly trial: Record<string, never>;
  readonly remove: Record<string, never>;
}

/** Main to worker. */
export type MainMessage =
  | { readonly kind: 'request'; readonly id: RequestId; readonly request: WorkerRequest }
  /** So many bytes of the blob that the request unpacks are in its file. */
  | { readonly kind: 'grown'; readonly id: RequestId; readonly bytes: number }
  /** Ends the request early: its processes get SIGTERM, then SIGKILL after `graceMs`; the reply is a `cancelled` failure. */
  | { readonly kind: 'cancel'; readonly id: RequestId; readonly graceMs: number };

/** Worker to main. Output of commands travels beside these as frames of raw bytes. */
export type WorkerMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'result'; readonly id: RequestId; readonly result: WorkerResults[keyof WorkerResults] }
  | { readonly kind: 'failure'; readonly id: RequestId; readonly failure: WorkerFailure }
  /** How far a request has come, in bytes of what it makes. */
  | { readonly kind: 'progress'; readonly id: RequestId; readonly doneBytes: number }
  /** What the command of a RUN took, before the answer. */
  | { readonly kind: 'usage'; readonly id: RequestId; readonly usage: CommandUsage }
  /** Something a person should know, such as an attribute that the file system cannot hold. */
  | { readonly kind: 'warning'; readonly id: RequestId; readonly message: string };
