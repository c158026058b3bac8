import type { Diagnostic } from '../../parser/mistakes/errors.ts';
import type { Digest } from '../../registry/oci/digest.ts';

/** Numbers the steps of a build in the order of the plan. */
export type StepId = number;

/** How a step ended. */
export type EndState = 'cached' | 'done' | 'failed' | 'cancelled';

/** What the command of a RUN took, with all that it started. */
export interface StepUsage {
  readonly processorMs: number;
  /** The most memory; undefined where nobody knows, as of a command that had less than tsbuild itself. */
  readonly memory?: {
    readonly peakBytes: number;
    /** Of all processes together, where the command had a control group; else of the largest. */
    readonly of: 'all-processes' | 'largest-process';
  };
}

/**
 * What happens in a build, told as it happens. `--progress=rawjson` prints these unchanged (bytes as base64), so a change here is a
 * change of the public API and goes into the changelog. Times are milliseconds since the build's start.
 */
export type BuildEvent =
  | {
      readonly kind: 'started';
      readonly timeMs: number;
      /** One line: how the worker will run. */
      readonly tier?: string;
    }
  /** Steps and other work that people wait for, each with its title, known before it starts. */
  | {
      readonly kind: 'planned';
      readonly timeMs: number;
      readonly steps: readonly { readonly id: StepId; readonly title: string }[];
    }
  /** The step works from now on; its time counts from here, also when it comes again after `step-waiting`. */
  | { readonly kind: 'step-started'; readonly timeMs: number; readonly id: StepId; readonly title: string }
  /** The step has read what it was given and waits for others: its base, or a free processor. */
  | { readonly kind: 'step-waiting'; readonly timeMs: number; readonly id: StepId }
  | {
      readonly kind: 'step-output';
      readonly timeMs: number;
      readonly id: StepId;
      readonly stream: 'stdout' | 'stderr';
      readonly bytes: Uint8Array;
    }
  /** Progress inside a step: a layer being fetched, unpacked, compressed, pushed. `totalBytes` is 0 when unknown. */
  | {
      readonly kind: 'step-progress';
      readonly timeMs: number;
      readonly id: StepId;
      readonly what: string;
      readonly doneBytes: number;
      readonly totalBytes: number;
    }
  | {
      readonly kind: 'step-ended';
      readonly timeMs: number;
      readonly id: StepId;
      readonly state: EndState;
      /** Why it was not cached (`--explain`), or why it failed. */
      readonly reason?: string;
      /** Of a RUN whose command has run. */
      readonly usage?: StepUsage;
    }
  | {
      readonly kind: 'warning';
      readonly timeMs: number;
      readonly diagnostic: Diagnostic;
      /** Where the diagnostic's span starts; lines and columns count from 1. */
      readonly position?: { readonly file: string; readonly line: number; readonly column: number };
    }
  | { readonly kind: 'notice'; readonly timeMs: number; readonly message: string }
  | {
      readonly kind: 'exported';
      readonly timeMs: number;
      /** undefined for outputs that are files only. */
      readonly manifest?: Digest;
      /** Kept in the store under a name, pushed to a registry, or written to files. */
      readonly how: 'kept' | 'pushed' | 'written';
      readonly to: string;
    };
