import { parsePlatform } from '../../registry/oci/platform.ts';
import { goQuote } from '../mistakes/go-quote.ts';
import { suggest } from '../mistakes/suggest.ts';
import type { Containerfile, FromInstruction, InstructionBase, StageSyntax } from '../syntax/containerfile.ts';
import { looksLikeImageName } from '../values/image-name.ts';
import { variablesOf } from '../words/expand.ts';
import type { CheckReport } from './check-report.ts';
import { expandIn, type Scope } from './check-scope.ts';

/** ConsistentInstructionCasing: what most instructions do is right; a tie counts as upper case. */
export function checkCasing(file: Containerfile, report: CheckReport): void {
  const instructions = file.stages.flatMap((stage): InstructionBase[] => [stage.from, ...stage.body]);
  const lower = instructions.filter(({ keyword }) => keyword === keyword.toLowerCase()).length;
  const upper = instructions.filter(({ keyword }) => keyword === keyword.toUpperCase()).length;
  const casing = lower > upper ? 'lowercase' : 'uppercase';
  for (const instruction of instructions) {
    const { keyword, keywordSpan } = instruction;
    const wanted = casing === 'lowercase' ? keyword.toLowerCase() : keyword.toUpperCase();
    if (keyword !== wanted) {
      const message = `Command '${keyword}' should match the case of the command majority (${casing})`;
      const hint = `Write ${wanted}`;
      report.add({ rule: 'ConsistentInstructionCasing', message, span: keywordSpan, hint, instruction });
    }
  }
}

const reservedNames: ReadonlySet<string> = new Set(['scratch', 'context']);

/** StageNameCasing, FromAsCasing, ReservedStageName, DuplicateStageName. */
export function checkStageNames(file: Containerfile, report: CheckReport): void {
  const seen = new Set<string>();
  for (const { name, from } of file.stages) {
    checkAsCasing(from, report);
    if (name === undefined || from.stageName === undefined) continue;
    const { text, span } = from.stageName;
    if (text !== name) {
      const message = `Stage name '${text}' should be lowercase`;
      report.add({ rule: 'StageNameCasing', message, span, hint: `Write ${name}`, instruction: from });
    }
    if (reservedNames.has(name)) {
      const message = `Stage name should not use the same name as reserved stage "${name}"`;
      report.add({ rule: 'ReservedStageName', message, span, instruction: from });
    }
    if (seen.has(name)) {
      const message = `Duplicate stage name "${name}", stage names should be unique`;
      report.add({ rule: 'DuplicateStageName', message, span, instruction: from });
    }
    seen.add(name);
  }
}

function checkAsCasing(from: FromInstruction, report: CheckReport): void {
  const as = from.asKeyword;
  if (as === undefined || casingOf(from.keyword) === 'mixed' || casingOf(from.keyword) === casingOf(as.text)) return;
  const message = `'${as.text}' and '${from.keyword}' keywords' casing do not match`;
  report.add({ rule: 'FromAsCasing', message, span: as.span, instruction: from });
}

function casingOf(text: string): 'lower' | 'upper' | 'mixed' {
  if (text === text.toLowerCase()) return 'lower';
  return text === text.toUpperCase() ? 'upper' : 'mixed';
}

/** The rules about FROM's variables and platform. `defaults` is the global scope without any `--build-arg`. */
export function checkFrom(stage: StageSyntax, scopes: { globals: Scope; defaults: Scope }, report: CheckReport): void {
  const { from } = stage;
  const { globals, defaults } = scopes;
  for (const word of [from.image, ...(from.platform === undefined ? [] : [from.platform])]) {
    for (const name of new Set(expandIn(globals, word).undefinedNames.map((used) => used.name))) {
      const near = suggest(name, globals.declared);
      const message = `FROM argument '${name}' is not declared${near === undefined ? '' : ` (did you mean ${near}?)`}`;
      const hint = near === undefined ? `Declare it with ARG ${name} before the first FROM` : undefined;
      report.add({ rule: 'UndefinedArgInFrom', message, span: word.span, hint, instruction: from });
    }
  }
  checkDefaultImage(from, defaults, report);
  checkPlatform(stage, globals, report);
}

function checkDefaultImage(from: FromInstruction, defaults: Scope, report: CheckReport): void {
  const { image } = from;
  const { value } = expandIn(defaults, image);
  const isConstant = variablesOf(image.raw, defaults.escape).length === 0;
  if (!isConstant && value !== undefined && !looksLikeImageName(value)) {
    const message = `Default value for ARG ${image.raw} results in empty or invalid base image name`;
    const hint = 'Give the argument a default with which the name is valid';
    report.add({ rule: 'InvalidDefaultArgInFrom', message, span: image.span, hint, instruction: from });
  }
}

function checkPlatform(stage: StageSyntax, globals: Scope, report: CheckReport): void {
  const { from } = stage;
  const { platform } = from;
  if (platform === undefined) return;
  const names = variablesOf(platform.raw, globals.escape);
  if (/^\$(?:TARGETPLATFORM|\{TARGETPLATFORM\})$/.test(platform.raw.replaceAll('"', ''))) {
    const message = `Setting platform to predefined ${platform.raw} in FROM is redundant as this is the default behavior`;
    report.add({ rule: 'RedundantTargetPlatform', message, span: platform.span, instruction: from });
  }
  const value = names.length === 0 ? expandIn(globals, platform).value : undefined;
  const parsed = value === undefined ? undefined : parsePlatform(value);
  if (value === undefined || parsed === undefined) return;
  // A stage that is named after its platform is meant for it.
  const name = stage.name ?? '';
  if (!name.includes(parsed.os) && !name.includes(parsed.architecture)) {
    const message = `FROM --platform flag should not use constant value ${goQuote(value)}`;
    report.add({ rule: 'FromPlatformFlagConstDisallowed', message, span: platform.span, instruction: from });
  }
}
