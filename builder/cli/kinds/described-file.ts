import { ContainerfileError } from '../../../parser/mistakes/errors.ts';
import type { Containerfile } from '../../../parser/syntax/containerfile.ts';
import type { Source } from '../../../parser/syntax/span.ts';
import type { BuildOptions } from '../../contract/options.ts';
import { type InspectedFile, inspectFile } from '../../inspect/inspected-file.ts';
import { printableLine } from '../../show/printable.ts';
import { readArgumentFiles } from '../flags/argument-files.ts';
import { readBuildCommand } from '../flags/build-command.ts';
import { buildFlags } from '../flags/build-flags.ts';
import { type DescribeMethod, type ReportFormat, readReportFormat } from '../flags/call.ts';
import type { Flag } from '../flags/flag.ts';
import { type ParsedFlags, parseFlags } from '../flags/parse-flags.ts';
import { helpFlag, registryFlags } from '../flags/shared-flags.ts';
import type { CommandContext } from '../terminal/command-context.ts';
import { helpText } from '../terminal/help.ts';

// What decides where the file comes from, which stages and images it means, and how those are reached.
const fileFlags: ReadonlySet<string> = new Set([
  '--file',
  '--target',
  '--build-arg',
  '--build-arg-file',
  '--build-context',
  '--ignorefile',
  '--platform',
  '--from',
  '--pull',
  '--store',
  '--store-owner',
  '--secret',
  '--ssh',
  ...registryFlags('').map(({ long }) => long),
]);

/** Flags of the commands that read a Containerfile and build nothing. Exported for tests. */
export const describeFlags: readonly Flag[] = [
  ...buildFlags.flags.filter(({ long }) => fileFlags.has(long)),
  { long: '--format', value: 'FORMAT', group: 'Other', help: "text (default), json (BuildKit's form), and for check also sarif" },
  { long: '--json', group: 'Other', help: 'Same as --format=json' },
  helpFlag,
];

/** What such a command was asked for. */
export interface DescribeRequest {
  readonly options: BuildOptions;
  readonly format: ReportFormat;
}

/** Runs a command that describes a Containerfile, or prints its help. */
export async function runDescription(
  context: CommandContext,
  page: { readonly name: DescribeMethod; readonly summary: string },
  describe: (request: DescribeRequest, context: CommandContext) => Promise<number>,
): Promise<number> {
  const parsed: ParsedFlags = parseFlags(context.argv, { flags: describeFlags });
  if (parsed.isOn('--help') === true) {
    const { name, summary } = page;
    context.stdout.write(helpText({ usage: `tsbuild ${name} [FLAGS] CONTEXT`, summary: `${summary}.`, flags: describeFlags }));
    return 0;
  }
  // In a build the flag is about the image.
  const withoutFormat: ParsedFlags = { ...parsed, last: (long) => (long === '--format' ? undefined : parsed.last(long)) };
  const { options } = readBuildCommand(withoutFormat, {
    environment: context.environment,
    argumentFiles: await readArgumentFiles(parsed, context.signal),
  });
  const format = readReportFormat('--format', page.name, parsed.last('--format'));
  return describe({ options, format: parsed.isOn('--json') === true ? 'json' : format }, context);
}

/** Reads and parses the Containerfile from wherever it is. Notices go to standard error. @throws what inspectFile() throws */
export async function openDescribed(options: BuildOptions, { stdin, stderr, signal }: CommandContext): Promise<InspectedFile> {
  return inspectFile({
    ...options,
    stdin,
    signal,
    onEvent: (event) => {
      if (event.kind === 'notice') stderr.write(noteLine(event.message));
    },
  });
}

/** Something that people should know besides the result. */
export function noteLine(message: string): string {
  return `note: ${printableLine(message)}\n`;
}

/** The Containerfile, when nothing is wrong with it. @throws ContainerfileError */
export function soundFile({ parsed }: InspectedFile): { readonly file: Containerfile; readonly sources: readonly Source[] } {
  const { file, diagnostics, sources } = parsed;
  if (file === undefined) throw new ContainerfileError(diagnostics, sources);
  return { file, sources };
}
