import { ContainerfileError } from '../../../parser/errors.ts';
import { exitCode } from '../../exit-code.ts';
import { outline } from '../../outline/outline.ts';
import { outlineJson, outlineText } from '../../outline/render.ts';
import { withoutNamedEpoch } from '../../plan/epoch-source.ts';
import { inspectionOptionsOf } from '../../plan/plan-options.ts';
import { hostPlatform, platformsOf } from '../../platforms.ts';
import { ReachableImages } from '../../source/reachable-images.ts';
import { resolveStages } from '../../source/resolve-plan.ts';
import type { CommandContext } from '../commands.ts';
import { type DescribeRequest, noteLine, openDescribed, runDescription, soundFile } from '../described-file.ts';

/** `tsbuild outline`. */
export async function runOutline(context: CommandContext): Promise<number> {
  return runDescription(
    context,
    { name: 'outline', summary: 'Lists the arguments, secrets and sockets that a target takes' },
    describeTarget,
  );
}

/** What `--call=outline` does. @throws ContainerfileError, what inspectFile() throws */
export async function describeTarget({ options, format }: DescribeRequest, context: CommandContext): Promise<number> {
  await using inspected = await openDescribed(options, context);
  const { file, sources } = soundFile(inspected);
  const buildPlatform = hostPlatform();
  const [platform = buildPlatform] = platformsOf(options);
  const planOptions = withoutNamedEpoch(file, inspectionOptionsOf(options, { platform, buildPlatform, sources }));
  const reachable = new ReachableImages(inspected.findImage);
  const { images } = await resolveStages(file, planOptions, (request) => reachable.find(request));
  const found = outline(file, planOptions, images);
  const errors = [...reachable.errors, ...found.diagnostics];
  if (errors.length > 0) throw new ContainerfileError(errors, sources);
  context.stdout.write(format === 'json' ? outlineJson(found, sources) : outlineText(found));
  for (const note of reachable.notes) context.stderr.write(noteLine(note));
  return exitCode.success;
}
