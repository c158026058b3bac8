import type { Readable, Writable } from 'node:stream';

/** What a command may touch of the process. Only main.ts makes one from the real process. */
export interface CommandContext {
  /** The arguments after the command's name. */
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stdin: Readable;
  /** Results: ids, listings, archives. */
  readonly stdout: Writable;
  /** Progress, warnings, errors. */
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number };
  readonly signal: AbortSignal;
}
