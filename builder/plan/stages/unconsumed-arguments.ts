import type { Diagnostic } from '../../../parser/mistakes/errors.ts';
import { didYouMean } from '../../../parser/mistakes/suggest.ts';
import type { Containerfile, StageInstruction } from '../../../parser/syntax/containerfile.ts';
import { platformArgs, proxyArgs } from '../../../parser/words/predefined.ts';
import { isControlArgument } from '../model/control-arguments.ts';
import type { PlanOptions } from '../model/plan-options.ts';
import type { SelectedStage } from './selection.ts';

/**
 * A warning for each build argument that no ARG declares. Those that are always known (platforms, proxies, what is meant for the
 * builder itself) are none.
 */
export function unconsumedArguments(
  file: Containerfile,
  { buildArgs }: PlanOptions,
  stages: readonly SelectedStage[],
): readonly Diagnostic[] {
  if (buildArgs.size === 0) return [];
  const declared = declaredNames(file, stages);
  if (declared === undefined) return [];
  return [...buildArgs.keys()]
    .filter((name) => !declared.has(name) && !isPredefined(name))
    .map((name) => {
      const hint = didYouMean(name, declared);
      return {
        severity: 'warning',
        code: 'UnconsumedBuildArg',
        message: `The build argument "${name}" is not consumed: no ARG declares it`,
        span: undefined,
        ...(hint !== undefined && { hint }),
      };
    });
}

/** undefined when a name depends on variables, and so may be any. */
function declaredNames(file: Containerfile, stages: readonly SelectedStage[]): ReadonlySet<string> | undefined {
  const names = new Set<string>();
  let isAnyPossible = false;
  const add = (instruction: StageInstruction): void => {
    for (const { name, nameWord } of instruction.kind === 'arg' ? instruction.args : []) {
      names.add(name);
      isAnyPossible ||= nameWord !== undefined;
    }
    if (instruction.kind === 'onbuild') add(instruction.trigger);
  };
  for (const instruction of file.globalArgs) add(instruction);
  for (const instruction of file.stages.flatMap(({ body }) => body)) add(instruction);
  // Triggers of base images are only here.
  for (const { instruction } of stages.flatMap(({ body }) => body)) add(instruction);
  return isAnyPossible ? undefined : names;
}

function isPredefined(name: string): boolean {
  const upper = name.toUpperCase();
  return isControlArgument(name) || platformArgs.includes(name) || proxyArgs.includes(upper);
}
