import type { MakeDirectoryAction, RunAction, RunMount } from '../../executor/protocol/actions.ts';
import type { Confinement } from '../../executor/protocol/confinement.ts';
import type { PlannedMount } from '../plan/model/plan.ts';

/** A step as its key sees it: the action, with digests of the inputs where the action has the inputs themselves. */
export type KeyedAction = KeyedRun | KeyedCopy | MakeDirectoryAction;

/**
 * What of a RUN counts: what the command can observe and the Containerfile or the command line declares. What does not count is not here:
 * - the values of secrets and the keys behind ssh sockets, so that a rotated token does not rebuild anything;
 * - the contents, id and sharing of cache mounts, which may not change a result;
 * - proxies and this machine's own resolv.conf, which say how the network is reached from here, not what is built;
 * - `created`, epochs and other things that only the image's configuration holds. SOURCE_DATE_EPOCH counts when it is in `env`.
 */
export interface KeyedRun {
  readonly kind: 'run';
  readonly argv: readonly string[];
  /** Without proxies. */
  readonly env: readonly string[];
  readonly cwd: string;
  readonly user: string;
  readonly hostname: string;
  readonly network: string;
  readonly security: string;
  /** Where it is not as usual. */
  readonly confinement?: Confinement | undefined;
  readonly additionalGroups?: readonly string[];
  readonly mounts: readonly KeyedMount[];
  readonly hosts: RunAction['hosts'];
  readonly dns: RunAction['dns'];
  readonly ulimits: readonly { readonly name: string; readonly soft: number; readonly hard: number }[];
  readonly shmSizeBytes: number;
  /** What the command has from whoever started the build, if it is out of the ordinary. */
  readonly caller: readonly string[];
  /** As declared. */
  readonly devices: readonly string[];
  readonly files: readonly { readonly target: string; readonly text: string; readonly mode: number }[];
}

/** A mount as the key sees it. */
export type KeyedMount =
  | {
      readonly kind: 'bind';
      readonly target: string;
      /** Of what is mounted (copyDigest, or a ChainID for a whole root file system). */
      readonly digest: string;
      readonly isWritable: boolean;
    }
  | {
      readonly kind: 'cache';
      readonly target: string;
      /** Of what a new cache starts with. */
      readonly initialDigest: string | undefined;
      readonly isReadOnly: boolean;
      readonly uid: number;
      readonly gid: number;
      readonly mode: number;
    }
  /** These count as they are planned: secrets and sockets enter by name, never by value. */
  | Extract<PlannedMount, { readonly kind: 'tmpfs' | 'secret' | 'ssh' }>
  /** Of a device. */
  | Extract<RunMount, { readonly kind: 'tmpfs' }>
  /** A host folder of --volume: by name, since its content is nobody's promise. */
  | Extract<RunMount, { readonly kind: 'volume' }>;

/** COPY and ADD. */
export interface KeyedCopy {
  readonly kind: 'copy';
  readonly groups: readonly KeyedGroup[];
  readonly destination: string;
  readonly owner: string | undefined;
  readonly mode: string | undefined;
  readonly isLink: boolean;
  readonly time: 'constant' | 'source';
}

export interface KeyedGroup {
  readonly digest: string;
  /** Only a file's name can show in the result: a folder that is renamed copies as before. */
  readonly name: string;
  readonly sourceType: 'file' | 'directory';
  readonly keepsParents: boolean;
  readonly isArchive: boolean;
}
