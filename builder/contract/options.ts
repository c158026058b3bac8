import type { BuildEvent } from './events.ts';

/** One `--output`. Files and folders are written to a temporary name and renamed. */
export type Output =
  | {
      readonly kind: 'oci';
      readonly destination: string /** false: a folder. */;
      readonly isArchive: boolean;
      readonly image?: ImageOutputOptions;
    }
  | { readonly kind: 'docker'; readonly destination: string; readonly image?: ImageOutputOptions }
  /** A folder for each platform; default: when there are several. Without, their files are merged, and none may be in two of them. */
  | {
      readonly kind: 'local' | 'tar';
      readonly destination: string;
      readonly platformSplit?: boolean;
      readonly sourceDateEpoch?: OutputEpoch;
    }
  | { readonly kind: 'registry'; readonly names: readonly string[]; readonly image?: ImageOutputOptions }
  /** Only the store, under the names given. The default. */
  | { readonly kind: 'image'; readonly names: readonly string[]; readonly push: boolean; readonly image?: ImageOutputOptions }
  | { readonly kind: 'none' };

/** The time that one output carries, in seconds, instead of the build's; `constant`: that of a build without an epoch. */
export type OutputEpoch = number | 'constant';

export interface ImageOutputOptions {
  readonly compression?: 'gzip' | 'zstd' | 'uncompressed';
  readonly compressionLevel?: number;
  readonly forceCompression?: boolean;
  readonly format?: 'oci' | 'docker';
  /** As the build's own. */
  readonly annotations?: Readonly<Record<string, string>>;
  readonly sourceDateEpoch?: OutputEpoch;
  /** Names that override `tags` for this output. */
  readonly names?: readonly string[];
}

/** Where a secret's value is: a file, or an environment variable of the caller. Read only when a step mounts it. */
export type SecretSource = { readonly kind: 'file'; readonly path: string } | { readonly kind: 'env'; readonly name: string };

/**
 * What `--ssh` forwards: an agent by its socket, or keys by their files (none: the caller's agent); or a socket of any protocol, with every byte
 * of it.
 */
export type SshSource = readonly string[] | { readonly rawSocket: string };

/** When images are looked up in their registry although the store has them. */
export type PullPolicy = 'missing' | 'always' | 'never' | 'newer';

/** `new`: the layers of the build, on top of the base image's. `all`: those of the base image too. */
export type Squash = 'new' | 'all';

/** What to build and how. Everything but `context` has a default. Paths are relative to the current folder. */
export interface BuildOptions {
  /** A folder, `-` (tar or Containerfile on standard input), or a URL. */
  readonly context: string;
  /** Containerfiles, read as one. Default: `Containerfile`, else `Dockerfile`, in the context. */
  readonly files?: readonly string[];
  /** The text of the Containerfile, instead of a file. */
  readonly text?: string;
  readonly target?: string;
  /** undefined as value: take it from the environment, or leave the argument unset. */
  readonly buildArgs?: Readonly<Record<string, string | undefined>>;
  readonly labels?: Readonly<Record<string, string>>;
  /** By name; each manifest gets them. `index:NAME`, `manifest[PLATFORM]:NAME` and so on say otherwise, as `--annotation`. */
  readonly annotations?: Readonly<Record<string, string>>;
  readonly unsetLabels?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly unsetEnv?: readonly string[];
  readonly tags?: readonly string[];
  readonly platforms?: readonly string[];
  readonly outputs?: readonly Output[];
  readonly format?: 'oci' | 'docker';
  /** Name to location, as `--build-context`. */
  readonly buildContexts?: Readonly<Record<string, string>>;
  readonly ignoreFile?: string;
  /** true: nothing; names: not for these stages. */
  readonly noCache?: boolean | readonly string[];
  readonly pull?: PullPolicy;
  readonly secrets?: Readonly<Record<string, SecretSource>>;
  /** By id. */
  readonly ssh?: Readonly<Record<string, SshSource>>;
  readonly network?: 'default' | 'none' | 'host';
  /** `device=NAME[,alias=NAME]` allows one device, `device` all. */
  readonly allow?: readonly ('network.host' | 'security.insecure' | 'device' | `device=${string}`)[];
  readonly addHosts?: readonly string[];
  readonly dns?: readonly string[];
  readonly dnsSearch?: readonly string[];
  readonly dnsOptions?: readonly string[];
  readonly ulimits?: readonly string[];
  readonly shmSizeBytes?: number;
  readonly hostname?: string;
  /** For every RUN: `HOST-PATH:PATH[:OPTION,...]`, as `--volume`. */
  readonly volumes?: readonly string[];
  /** For every RUN: `HOST-PATH[:PATH][:rwm]`, or a CDI name. */
  readonly devices?: readonly string[];
  /** Folders of CDI specifications. Default: /etc/cdi and /var/run/cdi. */
  readonly cdiSpecDirectories?: readonly string[];
  /** Static user-mode emulators for RUN on other platforms, by Go's name of the processor; '' for all others. */
  readonly emulators?: Readonly<Record<string, string>>;
  /** Which layers become one. Default: none. */
  readonly squash?: Squash | undefined;
  /** Overrides the last stage's FROM. */
  readonly from?: string;
  /** Seconds; default: SOURCE_DATE_EPOCH of the environment, else T0 everywhere. */
  readonly sourceDateEpoch?: number;
  /** `created` of the image alone: seconds, or `now`. */
  readonly timestamp?: number | 'now';
  readonly jobs?: number;
  readonly explain?: boolean;
  /** The store's folder. Default: TSBUILD_STORE, else `$XDG_DATA_HOME/tsbuild`, else `~/.local/share/tsbuild`. */
  readonly store?: string;
  /** `any`: use a store of another user too, and trust all that it holds. Default: `self`. */
  readonly storeOwner?: 'self' | 'any';
  readonly authFile?: string;
  readonly certDirectory?: string;
  readonly tlsVerify?: boolean;
  /** The environment that arguments, proxies and settings are read from. Default: process.env. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Standard input for `-`. */
  readonly stdin?: AsyncIterable<Uint8Array>;
  /** Standard output for `dest=-`. */
  readonly stdout?: NodeJS.WritableStream;
  readonly signal?: AbortSignal;
  /** Called synchronously and not awaited; must not throw, nor return a promise that is rejected. */
  readonly onEvent?: (event: BuildEvent) => void;
}
