import type { BuildOptions } from '../../builder/contract/options.ts';
import type { Requirement } from '../support/requires.ts';
import type { Tree } from './tree.ts';

/**
 * The options of a build that rows may set. All can be said to other tools as well. Paths, those of volumes and of CDI specifications too,
 * are relative to the context; `ssh` names keys that are made for the row.
 */
export type RowOptions = Pick<
  BuildOptions,
  | 'addHosts'
  | 'allow'
  | 'buildArgs'
  | 'cdiSpecDirectories'
  | 'devices'
  | 'dns'
  | 'dnsOptions'
  | 'dnsSearch'
  | 'env'
  | 'files'
  | 'from'
  | 'hostname'
  | 'ignoreFile'
  | 'labels'
  | 'network'
  | 'noCache'
  | 'shmSizeBytes'
  | 'squash'
  | 'target'
  | 'ulimits'
  | 'unsetEnv'
  | 'unsetLabels'
  | 'volumes'
> & { readonly ssh?: Readonly<Record<string, readonly string[]>> };

/** What is built. */
export interface Build {
  /** The Containerfile; undefined when it is one of the files of the context. */
  readonly file?: string;
  readonly context?: Tree;
  /** Folders given by `--build-context`. */
  readonly contexts?: Readonly<Record<string, Tree>>;
  /** Secrets by id. */
  readonly secrets?: Readonly<Record<string, string>>;
  readonly options?: RowOptions;
}

/** One line of the table: a build, and what must come out. Only what is given is compared, but that exactly. */
export interface Row extends Build {
  readonly name: string;
  /** What of the machine it cannot do without, besides what all need. */
  readonly needs?: readonly Requirement[];
  /** What differs from the base image: everything new or changed. */
  readonly tree?: Tree;
  /** What the base image has and the result has not. */
  readonly removed?: readonly string[];
  /** The paths in each layer on top of the base image's; whiteouts start with `-`, opaque folders end with `/-`. */
  readonly layers?: readonly (readonly string[])[];
  /** The configuration's `config` without what is as in the base image. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly author?: string;
  /** `created_by` of the history on top of the base image's; entries without a layer start with `-`. */
  readonly history?: readonly string[];
  /** Parts of the error that must come instead of an image. */
  readonly error?: readonly (string | RegExp)[];
}

/** A line of the table of what is remembered: the same build again after a change. */
export interface CacheRow extends Build {
  readonly name: string;
  /** What is different the second time. */
  readonly change: Build;
  /** The titles of the steps that must not run again, and of those that must. */
  readonly cached: readonly string[];
  readonly ran: readonly string[];
  /** As in Row, of the second result. */
  readonly tree?: Tree;
}
