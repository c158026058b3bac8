import { ContainerfileError } from '../../../parser/errors.ts';
import { exitCode } from '../../exit-code.ts';
import { outline } from '../../outline/outline.ts';
import { outlineJson, outlineText } from '../../outline/render.ts';
import { planOptionsOf } from '../../plan/plan-options.ts';
import { hostPlatform, platformsOf } from '../../platforms.ts';
import type { CommandContext } from '../commands.ts';
import { type DescribeRequest, readContainerfile, runDescription } from '../described-file.ts';

/** `tsbuild outline`. */
export async function runOutline(context: CommandContext): Promise<number> {
  return runDescription(
    context,
    { name: 'outline', summary: 'Lists the arguments, secrets and sockets that a target takes' },
    describeTarget,
  );
}

/** What `--call=outline` does. @throws ContainerfileError */
export async function describeTarget({ options, format }: DescribeRequest, context: CommandContext): Promise<number> {
  const { file, sources } = await readContainerfile(options, context);
  const buildPlatform = hostPlatform();
  const [platform = buildPlatform] = platformsOf(options);
  const found = outline(file, planOptionsOf(options, { platform, buildPlatform, sources }));
  if (found.diagnostics.length > 0) throw new ContainerfileError(found.diagnostics, sources);
  context.stdout.write(format === 'json' ? outlineJson(found, sources) : outlineText(found));
  return exitCode.success;
}
