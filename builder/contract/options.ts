import type { StorageKind } from '../../executor/protocol/storage.ts';
import type { BuildEvent } from './events.ts';
import type { LayoutNumber } from './layouts.ts';

/** One `--output`. Files and folders are written to a temporary name and renamed. */
export type Output =
  | {
      readonly kind: 'oci';
      readonly destination: string;
      /** false: a folder. */
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

/** How an image leaves, where its output may say so. */
export interface ImageOutputOptions {
  /** Of layers. Default: gzip. */
  readonly compression?: 'gzip' | 'zstd' | 'uncompressed';
  /** Default: that of the compression. */
  readonly compressionLevel?: number;
  /** Layers of the base image too. Default: they stay as they are. */
  readonly forceCompression?: boolean;
  /** Default: the build's own. */
  readonly format?: 'oci' | 'docker';
  /** As the build's own. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Default: the build's own. */
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

/** What the command of a RUN may take with all that it starts, through control groups. What is left out is not limited. */
export interface RunLimits {
  /** Processes and threads. */
  readonly pids?: number;
  readonly memoryBytes?: number;
  /** Memory and swap together; -1: no limit. Default: twice the memory. */
  readonly memorySwapBytes?: number;
  /** Processors, such as 1.5. */
  readonly cpus?: number;
  /** The same in microseconds, of each period; a period has 100 000. */
  readonly cpuQuotaMicroseconds?: number;
  readonly cpuPeriodMicroseconds?: number;
  /** Against others where processors are short, which have 1024. */
  readonly cpuShares?: number;
  /** Processors and memory nodes by number: `0-3,8`. */
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
}

/** What to build and how. Everything but `context` has a default. Paths are relative to the current folder. */
export interface BuildOptions {
  /** A folder, `-` (tar or Containerfile on standard input), or a URL. */
  readonly context: string;
  /** Containerfiles, read as one. Default: `Containerfile`, else `Dockerfile`, in the context. */
  readonly files?: readonly string[];
  /** The text of the Containerfile, instead of a file. */
  readonly text?: string;
  /** The stage to build. Default: the last. */
  readonly target?: string;
  /** Values of ARG. undefined as value: take it from the environment, or leave the argument unset. */
  readonly buildArgs?: Readonly<Record<string, string | undefined>>;
  /** Labels of the image; they win over LABEL. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Annotations, by name; each manifest gets them. `index:NAME`, `manifest[PLATFORM]:NAME` and so on say otherwise, as `--annotation`. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Inherited labels that the image does not keep. */
  readonly unsetLabels?: readonly string[];
  /** Environment variables of the image; ENV wins over them. */
  readonly env?: Readonly<Record<string, string>>;
  /** Inherited environment variables that the image does not keep. */
  readonly unsetEnv?: readonly string[];
  /** Names of the image. Default: it has none. */
  readonly tags?: readonly string[];
  /** Platforms to build for, such as `linux/arm64`. Default: this machine's. */
  readonly platforms?: readonly string[];
  /** Where the image goes. Default: the store alone. */
  readonly outputs?: readonly Output[];
  /** The media types of manifests and configurations. Default: oci. */
  readonly format?: 'oci' | 'docker';
  /** Named contexts: name to location, as `--build-context`. */
  readonly buildContexts?: Readonly<Record<string, string>>;
  /** Ignore rules in place of those of the context: its `.containerignore`, else `.dockerignore`. */
  readonly ignoreFile?: string;
  /** What is not looked up in the cache: true for nothing at all, or the names of stages. Default: false. */
  readonly noCache?: boolean | readonly string[];
  /** When base images are looked up in their registry. Default: missing. */
  readonly pull?: PullPolicy;
  /** By id, for RUN --mount=type=secret. */
  readonly secrets?: Readonly<Record<string, SecretSource>>;
  /** By id, for RUN --mount=type=ssh. */
  readonly ssh?: Readonly<Record<string, SshSource>>;
  /**
   * The network of RUN. `pasta` and `slirp4netns` are programs that carry the packets of a network of its own, from which services of this machine's
   * loopback cannot be reached. Default: default, which is pasta's where that works, else the machine's.
   */
  readonly network?: 'default' | 'none' | 'host' | 'pasta' | 'slirp4netns';
  /** What RUN may ask for. `device=NAME[,alias=NAME]` allows one device, `device` all. */
  readonly allow?: readonly ('network.host' | 'security.insecure' | 'device' | `device=${string}`)[];
  /** Lines of /etc/hosts for RUN: `NAME:ADDRESS`. */
  readonly addHosts?: readonly string[];
  /** Addresses of name servers for RUN. Default: this machine's. */
  readonly dns?: readonly string[];
  /** Search domains for RUN. Default: this machine's. */
  readonly dnsSearch?: readonly string[];
  /** Options of the resolver for RUN. Default: this machine's. */
  readonly dnsOptions?: readonly string[];
  /** Capabilities that root has in RUN beside the usual ones, with `CAP_` or without; `ALL`. */
  readonly addCapabilities?: readonly string[];
  /** Those that it has not. `ALL` comes before what is added, a name after it. */
  readonly dropCapabilities?: readonly string[];
  /** Groups of the command of RUN beside those of its user, by name or number. */
  readonly addGroups?: readonly string[];
  /** `seccomp=FILE|unconfined`, `apparmor=PROFILE`, `label=type:TYPE`, `no-new-privileges`, as `--security-opt`. */
  readonly securityOptions?: readonly string[];
  /** `strict`: a RUN that would share a network or processes with this machine is refused. The others say what is so anyway. */
  readonly isolation?: 'default' | 'oci' | 'rootless' | 'strict';
  /** Resource limits of RUN: `NAME=SOFT[:HARD]`. */
  readonly ulimits?: readonly string[];
  /** What a RUN may take. Where control groups cannot be had, that is told and nothing is limited. */
  readonly limits?: RunLimits;
  /** The control group of version 2 in which those of RUN are made. Default: the one of the caller. */
  readonly cgroupParent?: string;
  /** Size of /dev/shm of RUN. Default: 64 MiB. */
  readonly shmSizeBytes?: number;
  /** The host name that RUN sees. Default: buildkitsandbox. */
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
  /** Which rules make digests; that of an older version gives the digests of that version. Default: 1, the newest. */
  readonly layout?: LayoutNumber;
  /** `created` of the image alone: seconds, or `now`. */
  readonly timestamp?: number | 'now';
  /** Steps that may run at the same time, from 1. Default: as many as there are processors, and at least 2; RUN is not counted then. */
  readonly jobs?: number;
  /** RUN steps that may run at the same time; 0: no limit. Default: `jobs`, else one for each 512 MiB of memory, at most 64. */
  readonly runJobs?: number;
  /** Say in `step-ended` why a step was not cached. Default: false. */
  readonly explain?: boolean;
  /** The store's folder. Default: TSBUILD_STORE, else `$XDG_DATA_HOME/tsbuild`, else `~/.local/share/tsbuild`. */
  readonly store?: string;
  /** How steps get their trees: an overlay of the kernel or of the program fuse-overlayfs, or full copies. Default: TSBUILD_STORAGE, else the best that works. */
  readonly storage?: StorageKind;
  /** `any`: use a store of another user too, and trust all that it holds. Default: `self`. */
  readonly storeOwner?: 'self' | 'any';
  /** The file with credentials for registries. Default: what docker and podman use. */
  readonly authFile?: string;
  /** The folder with certificates for registries. Default: the certs.d folders of docker and podman. */
  readonly certDirectory?: string;
  /** Demand a valid certificate of registries. Default: true. */
  readonly tlsVerify?: boolean;
  /** The environment that arguments, proxies and settings are read from. Default: process.env. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Standard input for `-`. */
  readonly stdin?: AsyncIterable<Uint8Array>;
  /** Standard output for `dest=-`. */
  readonly stdout?: NodeJS.WritableStream;
  /** Ends the build when it is aborted; its reason is what build() throws. */
  readonly signal?: AbortSignal;
  /** Called synchronously and not awaited; must not throw, nor return a promise that is rejected. */
  readonly onEvent?: (event: BuildEvent) => void;
}
