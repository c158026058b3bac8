import type { Diagnostic } from '../../../parser/mistakes/errors.ts';
import type { Source } from '../../../parser/syntax/span.ts';
import { fileFindings } from '../../inspect/file-findings.ts';
import { exitCode } from '../../report/exit-code.ts';
import { diagnosticLines } from '../../report/report.ts';
import { reportedJson } from '../../show/printable.ts';
import type { ReportFormat } from '../flags/call.ts';
import { type DescribeRequest, noteLine, openDescribed, runDescription } from '../kinds/described-file.ts';
import type { CommandContext } from '../terminal/command-context.ts';

/** `tsbuild check`: the findings on standard output. Exit code 0: none; 1: warnings only; 2: errors. */
export async function runCheck(context: CommandContext): Promise<number> {
  return runDescription(
    context,
    { name: 'check', summary: 'Looks for mistakes in a Containerfile without building' },
    checkContainerfile,
  );
}

/** What `--call=check` does. @throws what inspectFile() throws, ContainerfileError for a wrong ignore file */
export async function checkContainerfile({ options, format }: DescribeRequest, context: CommandContext): Promise<number> {
  await using inspected = await openDescribed(options, context);
  const { findings, notes } = await fileFindings(inspected);
  context.stdout.write(await written(findings, inspected.parsed.sources, format));
  for (const note of notes) context.stderr.write(noteLine(note));
  if (findings.some(({ severity }) => severity === 'error')) return exitCode.usage;
  return findings.length > 0 ? exitCode.step : exitCode.success;
}

async function written(findings: readonly Diagnostic[], sources: readonly Source[], format: ReportFormat): Promise<string> {
  if (format === 'text') return text(findings, sources);
  const { toJson, toSarif } = await import('../../../parser/lint/check-output.ts');
  if (format === 'json') return json(toJson(findings, sources));
  const { packageVersion } = await import('../../report/package-version.ts');
  return json(toSarif(findings, sources, packageVersion()));
}

function json(value: object): string {
  return `${reportedJson(value, 2)}\n`;
}

function text(findings: readonly Diagnostic[], sources: readonly Source[]): string {
  const lines = findings.flatMap((finding) => [...diagnosticLines(finding, sources), '']);
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  const parts = [counted(errors, 'error'), counted(findings.length - errors, 'warning')].filter((part) => part !== '');
  return [...lines, parts.length === 0 ? 'No mistakes found' : parts.join(', '), ''].join('\n');
}

function counted(count: number, noun: string): string {
  return count === 0 ? '' : `${count} ${noun}${count === 1 ? '' : 's'}`;
}
