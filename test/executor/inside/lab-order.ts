import type { WorkerFailure } from '../../../executor/protocol/failures.ts';
import type { WorkerRequest } from '../../../executor/protocol/messages.ts';

/** What the lab can be told to do inside the namespaces. */
export type LabOrder =
  | { readonly kind: 'where' }
  /** A script of sh, with the store as working directory. */
  | { readonly kind: 'shell'; readonly script: string }
  /** Sets an extended attribute; the path is relative to the store. */
  | { readonly kind: 'xattr'; readonly path: string; readonly name: string; readonly value: string }
  /** The paths of opaque folders below a folder, sorted. */
  | { readonly kind: 'opaque'; readonly path: string }
  | { readonly kind: 'commit'; readonly directory: string; readonly base: string | undefined; readonly buildStartNs: string }
  | { readonly kind: 'request'; readonly request: WorkerRequest }
  /** Carries a request out; gives the longest that it kept everything else waiting, in milliseconds of the processor. */
  | { readonly kind: 'stretch'; readonly request: WorkerRequest }
  /** The most memory it has had, KiB. */
  | { readonly kind: 'memory' };

/** What came of it. */
export type LabAnswer =
  | { readonly kind: 'result'; readonly result: unknown; readonly warnings: readonly string[] }
  | { readonly kind: 'failure'; readonly failure: WorkerFailure; readonly warnings: readonly string[] };
