import { check } from '../../parser/check.ts';
import { ContainerfileError, type Diagnostic } from '../../parser/errors.ts';
import type { ParseResult } from '../../parser/parse.ts';
import type { BuildOptions } from '../options.ts';
import { planOptionsOf } from '../plan/plan-options.ts';
import { selectStages } from '../plan/select-stages.ts';
import { hostPlatform, platformsOf } from '../platforms.ts';
import type { LoadedContainerfile } from '../source/load-containerfile.ts';
import { checkOptionsOf } from './build-findings.ts';
import { ignoredPaths } from './ignored-paths.ts';

/**
 * What is wrong with a file, or most likely not meant, as far as that can be known without building and without the base images. All
 * stages are looked at, and what could be read of a file with errors.
 *
 * @throws UsageError, ContainerfileError for a wrong ignore file
 */
export async function fileFindings(
  parsed: ParseResult & LoadedContainerfile,
  options: BuildOptions,
): Promise<readonly Diagnostic[]> {
  const { partial, diagnostics, sources, path } = parsed;
  const [platform = hostPlatform()] = platformsOf(options);
  const planOptions = planOptionsOf(options, { platform, buildPlatform: hostPlatform(), sources });
  const checkOptions = checkOptionsOf(planOptions.buildArgs);
  const found = check(partial, {
    sources,
    buildArgs: planOptions.buildArgs.keys(),
    ignoredPaths: await ignoredPaths(partial, options, path),
    ...(checkOptions !== undefined && { options: checkOptions }),
  });
  return inOrderOfText([...diagnostics, ...selectionErrors(parsed, planOptions), ...found]);
}

/** Names of stages and platforms that a build would refuse. */
function selectionErrors({ file }: ParseResult, planOptions: Parameters<typeof selectStages>[1]): readonly Diagnostic[] {
  if (file === undefined) return [];
  try {
    selectStages(file, planOptions);
    return [];
  } catch (error) {
    if (error instanceof ContainerfileError) return error.diagnostics;
    throw error;
  }
}

function inOrderOfText(findings: readonly Diagnostic[]): readonly Diagnostic[] {
  const end = Number.MAX_SAFE_INTEGER;
  const placeOf = ({ span }: Diagnostic): readonly [number, number] => [span?.source ?? end, span?.start ?? end];
  return findings.toSorted((a, b) => {
    const [[sourceA, startA], [sourceB, startB]] = [placeOf(a), placeOf(b)];
    return sourceA - sourceB || startA - startB;
  });
}
