/** A command line for a resident program, as it goes over the wire. */
export interface Command {
  readonly argv: readonly string[];
  readonly cwd: string;
  /** All of it: nothing of the resident program's own stays. */
  readonly environment: Readonly<Record<string, string>>;
  readonly stdin: Uint8Array;
}

/** What became of it. */
export interface CommandEnd {
  readonly exit: number;
  readonly stdout: Uint8Array;
  readonly stderr: string;
}
