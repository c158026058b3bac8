import type { Platform } from '../../registry/oci/platform.ts';
import type { CommandLimits } from './command-limits.ts';
import type { Confinement } from './confinement.ts';

/** A root file system, as layer folders, lowest first. Empty for `scratch`. Paths are absolute. */
export type Lowers = readonly string[];

/** What one step does to a root file system. Fully expanded: no variable, stage name or context name is left. */
export type Action = RunAction | CopyAction | MakeDirectoryAction | MergeAction;

/** RUN. */
export interface RunAction {
  readonly kind: 'run';
  /** Program and arguments. A name without a slash is looked up in PATH of `env`, inside the root. */
  readonly argv: readonly string[];
  /** `NAME=value`. HOME is added from the user's passwd entry when it is missing. */
  readonly env: readonly string[];
  /** Absolute; made (owned by root) when it is missing. */
  readonly cwd: string;
  /** `user[:group]`, names or numbers, '' for root; looked up in the root's passwd and group. */
  readonly user: string;
  readonly hostname: string;
  /** `private` is the one that the worker has joined; whoever has joined one cannot give the host's. */
  readonly network: 'host' | 'private' | 'none';
  readonly security: 'sandbox' | 'insecure';
  /** How the sandbox differs from the usual one; without meaning for what is insecure, but for `hasNoNewPrivileges`. */
  readonly confinement?: Confinement;
  /** Refused where it would share a network, processes or a /proc with the worker, or be insecure. */
  readonly isStrict?: true;
  readonly mounts: readonly RunMount[];
  /** Extra lines of /etc/hosts; the address `host-gateway` is this machine's. */
  readonly hosts: readonly { readonly name: string; readonly address: string }[];
  readonly dns: {
    readonly servers: readonly string[];
    readonly searches: readonly string[];
    readonly options: readonly string[];
  };
  readonly ulimits: readonly { readonly name: string; readonly soft: number; readonly hard: number }[];
  readonly shmSizeBytes: number;
  readonly limits?: CommandLimits;
  /** Host device nodes to bind, with their path inside; `permissions` are of `r`, `w` and `m`, as far as the command needs them. */
  readonly devices: readonly { readonly source: string; readonly target: string; readonly permissions: string }[];
  /** Files given to the command through a read-only tmpfs, such as the script of a heredoc with a shebang. */
  readonly files: readonly { readonly target: string; readonly text: string; readonly mode: number }[];
  /** Groups of the command beside those of the user. */
  readonly additionalGids?: readonly number[];
  /** The same by name or number; names are looked up in the root's group. */
  readonly additionalGroups?: readonly string[];
  /** In the order in which those of a name are run. */
  readonly hooks?: readonly Hook[];
  /** Set when the command is for another platform than this machine's. */
  readonly emulation?: Emulation;
}

/** When a hook is run. (OCI runtime specification, config.md "POSIX-platform Hooks") */
export type HookName = 'prestart' | 'createRuntime' | 'createContainer' | 'startContainer' | 'poststart' | 'poststop';

/** A program that prepares a device for a command. */
export interface Hook {
  readonly name: HookName;
  /** Absolute; of this machine, for startContainer of the image. */
  readonly path: string;
  /** With the program's own name; none at all stands for the path. */
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly timeoutSeconds: number | undefined;
}

/** What main knows of running commands of another platform. Not part of a key: the result must be the platform's own. */
export interface Emulation {
  readonly platform: Platform;
  /** Absolute path of a static user-mode emulator. */
  readonly emulator: string | undefined;
  /** Whether it is to be used even where the machine has one registered. */
  readonly isChosen: boolean;
}

interface MountTarget {
  /** Absolute path inside the root. */
  readonly target: string;
}

/** What `RUN --mount` adds for the time of the command. */
export type RunMount =
  | (MountTarget & {
      readonly kind: 'bind';
      readonly source: TreeSource /** Inside the source. */;
      readonly path: string;
      readonly isWritable: boolean;
    })
  | (MountTarget & {
      readonly kind: 'cache';
      /** The cache's folder in the store; main holds its lock while the step runs. */
      readonly directory: string;
      /** Inside the cache folder. */
      readonly path: string;
      /** What a new cache starts with. */
      readonly initial: TreeSource | undefined;
      /** Other commands, of other builds too, may have it mounted at the same time. */
      readonly isShared: boolean;
      readonly isReadOnly: boolean;
      readonly uid: number;
      readonly gid: number;
      readonly mode: number;
    })
  | (MountTarget & {
      readonly kind: 'tmpfs';
      readonly sizeBytes: number | undefined;
      /** Others of tmpfs(5). */
      readonly options?: Readonly<Record<string, string>>;
      readonly isReadOnly?: true;
      readonly isNoExec?: true;
    })
  | (MountTarget & {
      readonly kind: 'secret' /** base64 */;
      readonly value: string;
      readonly uid: number;
      readonly gid: number;
      readonly mode: number;
    })
  | (MountTarget & {
      readonly kind: 'ssh' /** Socket of main's agent proxy on the host. */;
      readonly socket: string;
      readonly uid: number;
      readonly gid: number;
      readonly mode: number;
    })
  | (MountTarget & {
      readonly kind: 'volume' /** Absolute host path. */;
      readonly source: string;
      readonly isReadOnly: boolean;
      readonly isNoExec?: true;
      /** What is written is thrown away after the command. */
      readonly isOverlay?: true;
      /** All of it is made to belong to the command's user first; in an overlay only there. */
      readonly isGiven?: true;
    });

/** A tree that files are taken from. */
export type TreeSource =
  | { readonly kind: 'directory' /** Absolute host path of a context. */; readonly path: string }
  | { readonly kind: 'rootfs'; readonly lowers: Lowers };

/**
 * COPY, and the part of ADD that copies or unpacks. Which files are taken is already decided: `list` is a file of what encodeCopyList()
 * makes of the entries that the step's key is made of.
 */
export interface CopyAction {
  readonly kind: 'copy';
  readonly groups: readonly CopyGroup[];
  /** Absolute, cleaned, `/` kept at the end when it was written (then it is a folder). */
  readonly destination: string;
  /** `user[:group]` of --chown; undefined keeps the owners in the list. */
  readonly owner: string | undefined;
  /** --chmod as written: octal or symbolic. */
  readonly mode: string | undefined;
  /** --link: the destination's present tree is not looked at; folders on the way are new. */
  readonly isLink: boolean;
  /** Entries get T0 as time (local contexts), or keep the time in the list. */
  readonly time: 'constant' | 'source';
}

/** Bytes of a file, `end` not included. */
export interface ListPart {
  readonly start: number;
  readonly end: number;
}

/** One source of a COPY (one match of a wildcard), with everything below it. */
export interface CopyGroup {
  readonly source: TreeSource;
  /** Absolute path of the file that encodeCopyList() gave the lines of. */
  readonly list: string;
  /** Where in the file the group's lines are. Default: all of it. */
  readonly part?: ListPart | undefined;
  /** How many entries the list has. */
  readonly entries: number;
  /** What the source itself is, after following links. */
  readonly sourceType: 'file' | 'directory';
  /** The source's base name (raw path), for a destination that is a folder. */
  readonly name: string;
  /** `--parents`: the destination is always a folder and the entries' `to` say where below it. */
  readonly keepsParents: boolean;
  /** ADD of a local archive: the file is unpacked into the destination. */
  readonly isArchive: boolean;
}

/** WORKDIR: make a folder and its parents; nothing happens to one that exists. */
export interface MakeDirectoryAction {
  readonly kind: 'make-directory';
  readonly path: string;
  /** `user[:group]` that owns what is made, read like --chown. */
  readonly user: string;
}

/** `--squash`: one layer that changes what is below as several layers did. */
interface MergeAction {
  readonly kind: 'merge';
  /** Layer folders, lowest first, each on top of the ones before and of the step's own `lowers`. */
  readonly layers: Lowers;
}
