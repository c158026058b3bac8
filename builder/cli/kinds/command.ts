import type { CommandContext } from '../terminal/command-context.ts';

/** Runs to the end and gives the exit code; failures are thrown. */
type RunCommand = (context: CommandContext) => Promise<number>;

/** A command of the CLI. What it needs is loaded when it is called. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<RunCommand>;
}
