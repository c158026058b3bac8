import type { RunAction } from '../../../../executor/protocol/actions.ts';
import type { CommandUsage } from '../../../../executor/protocol/command-usage.ts';
import type { WorkerFailure } from '../../../../executor/protocol/failures.ts';

/** A file of a tree: text, or what else it is. Missing parents are made. */
export type TreeEntry =
  | string
  | { readonly link: string }
  | { readonly directory: true; readonly mode?: number; readonly uid?: number; readonly gid?: number }
  | { readonly text: string; readonly mode?: number; readonly uid?: number; readonly gid?: number }
  /** Bytes, base64; its `security.capability`, hex. */
  | { readonly bytes: string; readonly mode?: number; readonly capability?: string }
  /** A copy of a program of the machine. */
  | { readonly program: string; readonly mode?: number };

export type Tree = Readonly<Record<string, TreeEntry>>;

/**
 * A RUN on a root file system of busybox, for the worker that tests use. In all texts of the action `$AT` stands for the scenario's own
 * folder, in which `trees` are made by name.
 */
export interface Scenario {
  /** The shell command, unless the action has an argv. */
  readonly shell?: string;
  readonly action?: Partial<RunAction>;
  /** Replaces the tree below busybox; `etc` and its files are missing then. */
  readonly isBare?: boolean;
  /** A second layer. */
  readonly layer?: Tree;
  readonly trees?: Readonly<Record<string, Tree>>;
  /** Cancel when the output has this text. */
  readonly cancelAt?: string;
  readonly graceMs?: number;
  /** Folders whose content to tell afterwards. */
  readonly look?: readonly string[];
  /** Cover folders of the worker's own /proc and /sys, as containers do; for all that the worker plays from then on. */
  readonly isMasked?: boolean;
  /** How often; times are told. */
  readonly repeat?: number;
}

/** How a scenario ended. */
export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly failure?: WorkerFailure;
  /** What the layer holds: `d755 0:0 etc`, `f644 0:0 etc/motd`, `c0 0:0 etc/gone`. */
  readonly layer: readonly string[];
  /** Mount points left below the scenario's folder; should be none. */
  readonly mounts: readonly string[];
  /** Names left in the step's folder beside the layer; should be none. */
  readonly leftovers: readonly string[];
  readonly look: readonly (readonly string[])[];
  readonly warnings: readonly string[];
  /** What the command took, if it has begun. */
  readonly usage?: CommandUsage;
  /** How many descriptors the worker has open. */
  readonly descriptors: number;
  readonly milliseconds: readonly number[];
}

/** An action that does `sh -c shell`. */
export function actionOf(shell: string, changes: Partial<RunAction> = {}): RunAction {
  return {
    kind: 'run',
    argv: ['/bin/sh', '-c', shell],
    env: [],
    cwd: '/',
    user: '',
    hostname: 'buildkitsandbox',
    network: 'host',
    security: 'sandbox',
    mounts: [],
    hosts: [],
    dns: { servers: [], searches: [], options: [] },
    ulimits: [],
    shmSizeBytes: 67_108_864,
    devices: [],
    files: [],
    ...changes,
  };
}
