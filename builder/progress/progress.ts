import type { Writable } from 'node:stream';
import type { BuildEvent } from '../contract/events.ts';
import type { BuildResult } from '../contract/result.ts';

/** The events of one kind. */
export type EventOf<K extends BuildEvent['kind']> = Extract<BuildEvent, { kind: K }>;

export const progressModes = ['auto', 'plain', 'tty', 'rawjson', 'quiet'] as const;
export type ProgressMode = (typeof progressModes)[number];

/** Where progress is shown, and what the environment says of it. */
export interface ProgressDisplay {
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number };
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Shows a build on standard error while it goes on. */
export interface Progress extends AsyncDisposable {
  readonly onEvent: (event: BuildEvent) => void;
  /** Says what was built. Not called when the build failed. */
  finish(result: BuildResult): void;
}
