import type { Containerfile } from '../../parser/containerfile.ts';
import { ContainerfileError } from '../../parser/errors.ts';
import { type ParseResult, parse } from '../../parser/parse.ts';
import type { Source } from '../../parser/span.ts';
import type { BuildOptions } from '../options.ts';
import type { LoadedContainerfile } from '../source/load-containerfile.ts';
import { readBuildCommand } from './build-command.ts';
import { buildFlags } from './build-flags.ts';
import { type DescribeMethod, type ReportFormat, readReportFormat } from './call.ts';
import type { CommandContext } from './commands.ts';
import { readSources } from './containerfile-sources.ts';
import type { Flag } from './flag.ts';
import { helpText } from './help.ts';
import { type ParsedFlags, parseFlags } from './parse-flags.ts';
import { helpFlag } from './shared-flags.ts';

const fileFlags = ['--file', '--target', '--build-arg', '--build-context', '--ignorefile', '--platform'];

/** Flags of the commands that read a Containerfile and build nothing. */
export const describeFlags: readonly Flag[] = [
  ...buildFlags.flags.filter(({ long }) => fileFlags.includes(long)),
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
  const { options } = readBuildCommand(withoutFormat, { environment: context.environment, argumentFiles: [] });
  const format = readReportFormat('--format', page.name, parsed.last('--format'));
  return describe({ options, format: parsed.isOn('--json') === true ? 'json' : format }, context);
}

/** Reads and parses the Containerfile, whatever is wrong with it. */
export async function parseSources(options: BuildOptions, context: CommandContext): Promise<ParseResult & LoadedContainerfile> {
  const loaded = await readSources(options, context);
  return { ...parse(loaded.sources), ...loaded };
}

/** The Containerfile, when nothing is wrong with it. @throws ContainerfileError */
export async function readContainerfile(
  options: BuildOptions,
  context: CommandContext,
): Promise<{ readonly file: Containerfile; readonly sources: readonly Source[] }> {
  const { file, diagnostics, sources } = await parseSources(options, context);
  if (file === undefined) throw new ContainerfileError(diagnostics, sources);
  return { file, sources };
}
