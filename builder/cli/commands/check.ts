import { check } from '../../../parser/check.ts';
import { toJson } from '../../../parser/check-output.ts';
import type { Diagnostic } from '../../../parser/errors.ts';
import { exitCode } from '../../exit-code.ts';
import { diagnosticLines } from '../../report.ts';
import type { CommandContext } from '../commands.ts';
import { type DescribeRequest, parseSources, runDescription } from '../described-file.ts';

/** `tsbuild check`: the findings on standard output. Exit code 0: none; 1: warnings only; 2: errors. */
export async function runCheck(context: CommandContext): Promise<number> {
  return runDescription(context, { name: 'check', summary: 'Looks for mistakes in a Containerfile without building' }, checkFile);
}

/** What `--call=check` does. */
export async function checkFile({ options, isJson }: DescribeRequest, context: CommandContext): Promise<number> {
  const { file, diagnostics, sources } = await parseSources(options, context);
  const findings = file === undefined ? [] : check(file, { sources, buildArgs: Object.keys(options.buildArgs ?? {}) });
  const all = [...diagnostics, ...findings];
  if (isJson) context.stdout.write(`${JSON.stringify(toJson(all, sources), undefined, 2)}\n`);
  else
    context.stdout.write(
      text(
        all.flatMap((diagnostic) => [...diagnosticLines(diagnostic, sources), '']),
        all,
      ),
    );
  if (all.some(({ severity }) => severity === 'error')) return exitCode.usage;
  return all.length > 0 ? exitCode.step : exitCode.success;
}

function text(lines: readonly string[], all: readonly Diagnostic[]): string {
  const errors = all.filter(({ severity }) => severity === 'error').length;
  const parts = [counted(errors, 'error'), counted(all.length - errors, 'warning')].filter((part) => part !== '');
  return [...lines, parts.length === 0 ? 'No mistakes found' : parts.join(', '), ''].join('\n');
}

function counted(count: number, noun: string): string {
  return count === 0 ? '' : `${count} ${noun}${count === 1 ? '' : 's'}`;
}
