import type { Digest } from './digest.ts';

/** The PATH of images that set none. (BuildKit, util/system) */
export const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Durations are nanoseconds, as in Docker's image configuration. */
export interface Healthcheck {
  readonly Test?: readonly string[];
  readonly Interval?: number;
  readonly Timeout?: number;
  readonly StartPeriod?: number;
  readonly StartInterval?: number;
  readonly Retries?: number;
}

/** How a container of the image runs. Field names are the wire's. (image-spec, config.md; Docker's own fields marked) */
export interface ContainerConfig {
  readonly User?: string;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Volumes?: Readonly<Record<string, object>>;
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly StopSignal?: string;
  /** Docker's own. */
  readonly ArgsEscaped?: boolean;
  /** Docker's own. */
  readonly Healthcheck?: Healthcheck;
  /** Docker's own. */
  readonly OnBuild?: readonly string[];
  /** Docker's own. */
  readonly Shell?: readonly string[];
}

/** What one instruction did. Entries that are not `empty_layer` match `rootfs.diff_ids` one to one. */
export interface HistoryEntry {
  readonly created?: string;
  readonly created_by?: string;
  readonly author?: string;
  readonly comment?: string;
  readonly empty_layer?: boolean;
}

/** The image configuration; its digest is the image id. Unknown fields are kept. (image-spec, config.md) */
export interface ImageConfig {
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string;
  readonly 'os.version'?: string;
  readonly created?: string;
  readonly author?: string;
  readonly config?: ContainerConfig;
  readonly rootfs: { readonly type: 'layers'; readonly diff_ids: readonly Digest[] };
  readonly history?: readonly HistoryEntry[];
}
