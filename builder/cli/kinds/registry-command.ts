import { UsageError } from '../../contract/errors.ts';
import { printableLine } from '../../show/printable.ts';
import type { Flag, RefusedFlag } from '../flags/flag.ts';
import { type ParsedFlags, parseFlags } from '../flags/parse-flags.ts';
import type { CommandContext } from '../terminal/command-context.ts';
import { helpText } from '../terminal/help.ts';

/** A command that speaks to registries and needs no store. */
export interface RegistryCommand {
  readonly name: string;
  readonly operands: string;
  readonly mostOperands: number;
  readonly summary: string;
  readonly flags: readonly Flag[];
  readonly refused?: readonly RefusedFlag[];
  readonly run: (parsed: ParsedFlags, context: CommandContext) => Promise<number>;
}

/** Parses the command line of a command and runs it. @throws UsageError */
export async function runRegistryCommand(command: RegistryCommand, context: CommandContext): Promise<number> {
  const { name, operands, summary, flags, refused = [] } = command;
  const parsed = parseFlags(context.argv, { flags, refused });
  const usage = `tsbuild ${name} [FLAGS] ${operands}`;
  if (parsed.isOn('--help') === true) {
    context.stdout.write(helpText({ usage, summary: `${summary}.`, flags }));
    return 0;
  }
  if (parsed.operands.length > command.mostOperands) {
    throw new UsageError(name, `Cannot run "tsbuild ${name}" with ${parsed.operands.length} arguments`, {
      hint: `Usage: ${usage}`,
    });
  }
  return command.run(parsed, context);
}

/** What credentials are looked up and kept with. */
export function credentialOptions(
  parsed: ParsedFlags,
  { environment, signal, stderr }: CommandContext,
): {
  readonly environment: CommandContext['environment'];
  readonly authFile: string | undefined;
  readonly signal: AbortSignal;
  readonly onNotice: (message: string) => void;
} {
  return {
    environment,
    authFile: parsed.last('--authfile'),
    signal,
    onNotice: (message) => stderr.write(`note: ${printableLine(message)}\n`),
  };
}
