import { exitCode } from '../../exit-code.ts';
import { targetsJson, targetsText } from '../../outline/render.ts';
import { targets } from '../../outline/targets.ts';
import type { CommandContext } from '../commands.ts';
import { type DescribeRequest, readContainerfile, runDescription } from '../described-file.ts';

/** `tsbuild targets`. */
export async function runTargets(context: CommandContext): Promise<number> {
  return runDescription(context, { name: 'targets', summary: 'Lists the stages of a Containerfile' }, listTargets);
}

/** What `--call=targets` does. @throws ContainerfileError */
export async function listTargets({ options, format }: DescribeRequest, context: CommandContext): Promise<number> {
  const { file, sources } = await readContainerfile(options, context);
  const found = targets(file);
  context.stdout.write(format === 'json' ? targetsJson(found, sources) : targetsText(found));
  return exitCode.success;
}
