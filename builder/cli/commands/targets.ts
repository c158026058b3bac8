import { targetsJson, targetsText } from '../../inspect/outline/render.ts';
import { targets } from '../../inspect/outline/targets.ts';
import { exitCode } from '../../report/exit-code.ts';
import { type DescribeRequest, openDescribed, runDescription, soundFile } from '../kinds/described-file.ts';
import type { CommandContext } from '../terminal/command-context.ts';

/** `tsbuild targets`. */
export async function runTargets(context: CommandContext): Promise<number> {
  return runDescription(context, { name: 'targets', summary: 'Lists the stages of a Containerfile' }, listTargets);
}

/** What `--call=targets` does. @throws ContainerfileError, what inspectFile() throws */
export async function listTargets({ options, format }: DescribeRequest, context: CommandContext): Promise<number> {
  await using inspected = await openDescribed(options, context);
  const { file, sources } = soundFile(inspected);
  const found = targets(file);
  context.stdout.write(format === 'json' ? targetsJson(found, sources) : targetsText(found));
  return exitCode.success;
}
