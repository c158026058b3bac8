import type { Heredoc } from '../../../parser/syntax/containerfile.ts';
import type { Span } from '../../../parser/syntax/span.ts';
import type { ContainerConfig, HistoryEntry } from '../../../registry/oci/image-config.ts';
import type { SourceImage } from '../../../registry/oci/image-source.ts';
import type { Platform } from '../../../registry/oci/platform.ts';

/** Position of a stage in `Plan.stages`. */
export type StageIndex = number;

/** Everything that one build (for one platform) will do. Pure data: made from the file, the options and the base images' configs. */
export interface Plan {
  /** Only the stages that the target needs, parents and sources before those that use them. */
  readonly stages: readonly PlannedStage[];
  readonly target: StageIndex;
  /** What the build is for (`--platform`, else this machine's). */
  readonly platform: Platform;
  /** True when the build has plans for other platforms too, so that titles name this one. */
  readonly isOneOfSeveral?: boolean;
  /** What the image's configuration says it runs on: the base image's word, unless `--platform` was given. */
  readonly imagePlatform: Platform;
  /** Seconds since the epoch, when someone asked for one: option, build argument or global ARG. Else T0 holds everywhere. */
  readonly sourceDateEpoch: number | undefined;
}

export interface PlannedStage {
  readonly index: StageIndex;
  /** As shown in titles: the name given with AS, or `stage-N` by position in the file. */
  readonly title: string;
  /** Name given with AS, lower case. */
  readonly name: string | undefined;
  readonly base: StageBase;
  /** What its commands run on: `FROM --platform`, or the build's platform. Part of the key of every step. */
  readonly platform: Platform;
  /** The FROM instruction. */
  readonly span: Span;
  /** All instructions that leave a history entry, in order; those with an action make layers. */
  readonly steps: readonly PlannedStep[];
  /** The configuration after the last instruction; `labels`, `env` options and the like already applied to the target. */
  readonly config: ContainerConfig;
  readonly author: string | undefined;
  readonly isCacheIgnored: boolean;
}

export type StageBase =
  | { readonly kind: 'scratch' }
  | { readonly kind: 'stage'; readonly stage: StageIndex }
  | { readonly kind: 'image'; readonly image: SourceImage };

/** One instruction of a stage. */
export interface PlannedStep {
  /** `RUN make`, with variables expanded and secrets masked; stepTitle() puts `[build 2/5]` before it. */
  readonly title: string;
  readonly span: Span;
  readonly history: HistoryEntry;
  /** undefined for instructions that only change the configuration. */
  readonly action: PlannedAction | undefined;
}

/** Where files come from, by name resolved but not yet on disk. */
export type SourceRef =
  | { readonly kind: 'context' /** undefined: the build context; else a named context. */; readonly name: string | undefined }
  | { readonly kind: 'stage'; readonly stage: StageIndex }
  | { readonly kind: 'image'; readonly image: SourceImage }
  | { readonly kind: 'scratch' };

export type PlannedAction = PlannedRun | PlannedCopy | PlannedAdd | PlannedMakeDirectory;

export interface PlannedRun {
  readonly kind: 'run';
  readonly argv: readonly string[];
  /** In the order in which they were set; `NAME=value`. Proxies are added when the step runs and are not here. */
  readonly env: readonly string[];
  readonly cwd: string;
  readonly user: string;
  readonly network: 'default' | 'none' | 'host';
  readonly security: 'sandbox' | 'insecure';
  readonly mounts: readonly PlannedMount[];
  /** What `--device` asks for; `vendor/class...` or an absolute path. Allowed or not is decided when they are found. */
  readonly devices: readonly { readonly name: string; readonly isRequired: boolean; readonly span: Span }[];
  readonly files: readonly { readonly target: string; readonly text: string; readonly mode: number }[];
}

export type PlannedMount =
  | {
      readonly kind: 'bind';
      readonly target: string;
      readonly from: SourceRef;
      readonly source: string;
      readonly isWritable: boolean;
    }
  | {
      readonly kind: 'cache';
      readonly target: string;
      readonly id: string;
      readonly sharing: 'shared' | 'private' | 'locked';
      readonly from: SourceRef | undefined;
      readonly source: string;
      readonly isReadOnly: boolean;
      readonly uid: number;
      readonly gid: number;
      readonly mode: number;
    }
  | { readonly kind: 'tmpfs'; readonly target: string; readonly sizeBytes: number | undefined }
  | {
      readonly kind: 'secret';
      readonly id: string;
      /** undefined: only the variable. */
      readonly target: string | undefined;
      readonly env: string | undefined;
      readonly isRequired: boolean;
      readonly uid: number;
      readonly gid: number;
      readonly mode: number;
    }
  | {
      readonly kind: 'ssh';
      readonly id: string;
      readonly target: string;
      readonly isRequired: boolean;
      readonly uid: number;
      readonly gid: number;
      readonly mode: number;
    };

export type PlannedSource =
  | { readonly kind: 'path'; readonly path: string; readonly span: Span }
  /** `text` is already expanded. */
  | { readonly kind: 'heredoc'; readonly heredoc: Heredoc; readonly text: string };

interface PlannedTransfer {
  readonly sources: readonly PlannedSource[];
  /** Absolute; a trailing slash is kept. */
  readonly destination: string;
  readonly owner: string | undefined;
  readonly mode: string | undefined;
  readonly isLink: boolean;
  readonly excludes: readonly string[];
}

export interface PlannedCopy extends PlannedTransfer {
  readonly kind: 'copy';
  readonly from: SourceRef;
  readonly keepsParents: boolean;
}

export interface PlannedAdd extends PlannedTransfer {
  readonly kind: 'add';
  readonly checksum: string | undefined;
  readonly keepsGitDirectory: boolean | undefined;
  readonly unpacks: boolean | undefined;
}

interface PlannedMakeDirectory {
  readonly kind: 'make-directory';
  readonly path: string;
  readonly user: string;
}
