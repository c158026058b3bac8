import { ContainerfileError } from '../../../parser/mistakes/errors.ts';
import type { Platform } from '../../../registry/oci/platform.ts';
import { ReachableImages } from '../../bases/reachable-images.ts';
import { resolveStages } from '../../bases/resolve-plan.ts';
import { hostPlatform } from '../../contract/platforms.ts';
import { joinedOutline, type Outline, outline } from '../../inspect/outline/outline.ts';
import { outlineJson, outlineText } from '../../inspect/outline/render.ts';
import { withoutNamedEpoch } from '../../plan/epoch-source.ts';
import { inspectionOptionsOf } from '../../plan/model/plan-options.ts';
import { eachOnce } from '../../preflight/for-each-platform.ts';
import { exitCode } from '../../report/exit-code.ts';
import { type DescribeRequest, noteLine, openDescribed, runDescription, soundFile } from '../kinds/described-file.ts';
import type { CommandContext } from '../terminal/command-context.ts';

/** `tsbuild outline`. */
export async function runOutline(context: CommandContext): Promise<number> {
  return runDescription(
    context,
    { name: 'outline', summary: 'Lists the arguments, secrets and sockets that a target takes' },
    describeTarget,
  );
}

/** What `--call=outline` does. @throws ContainerfileError, what inspectFile() throws */
export async function describeTarget({ options: given, format }: DescribeRequest, context: CommandContext): Promise<number> {
  await using inspected = await openDescribed(given, context);
  const { file, sources } = soundFile(inspected);
  const { options } = inspected;
  const buildPlatform = hostPlatform();
  const reachable = new ReachableImages(inspected.findImage);
  const outlineFor = async (platform: Platform): Promise<Outline> => {
    const planOptions = withoutNamedEpoch(file, inspectionOptionsOf(options, { platform, buildPlatform, sources }));
    const { images } = await resolveStages(file, planOptions, (request) => reachable.find(request));
    return outline(file, planOptions, images);
  };
  const { platforms } = options;
  const outlines = await Promise.all(platforms.map(outlineFor));
  const found = joinedOutline(outlines);
  const wrong = platforms.map((platform, index) => ({ platform, findings: outlines[index]?.diagnostics ?? [] }));
  const errors = [...reachable.errors, ...eachOnce(wrong)];
  if (errors.length > 0) throw new ContainerfileError(errors, sources);
  context.stdout.write(format === 'json' ? outlineJson(found, sources) : outlineText(found));
  for (const note of reachable.notes) context.stderr.write(noteLine(note));
  return exitCode.success;
}
