import type { BuildOptions } from '../../../builder/contract/options.ts';

/** A node of a tree as JSON carries it: content is base64. */
export interface WrittenNode {
  readonly path: string;
  readonly type: 'file' | 'folder' | 'fifo' | 'socket' | 'device' | 'link' | 'hard';
  readonly mode: number;
  readonly content: string;
  readonly target: string;
  readonly xattrs: Readonly<Record<string, string>>;
}

/** Asks the driver for folders and then, unless there are no options, for a build. */
export interface Job {
  readonly id: number;
  /** Emptied first. */
  readonly folders: readonly { readonly path: string; readonly nodes: readonly WrittenNode[] }[];
  readonly options: BuildOptions;
}

/** A step, and whether it was remembered. */
interface StepEnd {
  readonly title: string;
  readonly state: string;
}

/** What became of a job. */
export interface JobEnd {
  readonly id: number;
  readonly steps: readonly StepEnd[];
  readonly output: string;
  /** The report and the exit code of the error that there was. */
  readonly error?: { readonly text: string; readonly exit: number };
}
