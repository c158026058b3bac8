import { formatPlatform, type Platform } from '../../registry/oci/platform.ts';
import type { Diagnostic } from '../mistakes/errors.ts';
import { suggest } from '../mistakes/suggest.ts';
import type { CheckOptions } from '../statements/check-directive.ts';
import { readDirectives } from '../statements/directives.ts';
import type { Containerfile, InstructionBase, Word } from '../syntax/containerfile.ts';
import type { Source, Span } from '../syntax/span.ts';
import { variablesOf } from '../words/expand.ts';
import { isReservedArg, platformArgs, proxyArgs } from '../words/predefined.ts';
import type { CheckReport } from './check-report.ts';
import { rules } from './rules.ts';

/**
 * UnusedGlobalArg: no FROM uses it, no other default does, no stage and no base image (`declaredByBases`) declares it again, and nothing
 * reads it by its name.
 */
export function checkUnusedArgs(file: Containerfile, declaredByBases: ReadonlySet<string>, report: CheckReport): void {
  const used = usedNames(file);
  if (used === undefined) return;
  for (const instruction of file.globalArgs) {
    for (const { name, nameSpan, nameWord } of instruction.args) {
      if (nameWord === undefined && !used.has(name) && !declaredByBases.has(name) && !isReservedArg(name)) {
        const message = `ARG ${name} has no effect: no FROM uses it and no stage declares it again`;
        const hint = `Stages see it only after ARG ${name} of their own`;
        report.add({ rule: 'UnusedGlobalArg', message, span: nameSpan, hint, instruction });
      }
    }
  }
}

/** undefined when an ARG of a stage has a name that depends on variables, and so may declare any again. */
function usedNames(file: Containerfile): ReadonlySet<string> | undefined {
  const used = new Set<string>([...platformArgs, ...proxyArgs, ...proxyArgs.map((name) => name.toLowerCase())]);
  const addWord = (word: Word | undefined): void => {
    for (const { name } of word === undefined ? [] : variablesOf(word.raw, file.directives.escape)) used.add(name);
  };
  for (const { value, nameWord } of file.globalArgs.flatMap((instruction) => instruction.args)) {
    addWord(value);
    addWord(nameWord);
  }
  for (const { from, body } of file.stages) {
    addWord(from.image);
    addWord(from.platform);
    for (const instruction of body) {
      const declaration = instruction.kind === 'onbuild' ? instruction.trigger : instruction;
      for (const { name, nameWord } of declaration.kind === 'arg' ? declaration.args : []) {
        if (nameWord !== undefined) return undefined;
        used.add(name);
      }
    }
  }
  return used;
}

/** SyntaxIgnored: whoever asks for another frontend than Docker's own, in whatever registry it is, gets something else than they ask for. */
export function checkSyntax(file: Containerfile, sources: readonly Source[], report: CheckReport): void {
  const { syntax } = file.directives;
  const [image = ''] = (syntax ?? '').split('@', 1);
  const name = image.split('/').at(-1) ?? '';
  const start = sources[0]?.text.indexOf(image) ?? -1;
  if (syntax === undefined || /^dockerfile\b/.test(name) || start === -1) return;
  const message = `The frontend "${syntax}" is not used: the file is read as a Containerfile`;
  report.add({ rule: 'SyntaxIgnored', message, span: { source: 0, start, end: start + image.length } });
}

/** UnknownCheck: names of checks that do not exist. */
export function checkNames(
  file: Containerfile,
  given: { options: CheckOptions; sources: readonly Source[]; hasOwnOptions: boolean },
  report: CheckReport,
): void {
  const [first] = given.sources;
  const span = first === undefined || given.hasOwnOptions ? undefined : readDirectives(first).checkSpan;
  if (span !== undefined) {
    for (const name of [...given.options.skipped, ...given.options.experimental]) checkName(name, span, report);
  }
  const instructions = file.stages.flatMap((stage): InstructionBase[] => [stage.from, ...stage.body]);
  for (const instruction of [...file.globalArgs, ...instructions]) {
    for (const name of instruction.skippedChecks) checkName(name, instruction.keywordSpan, report);
  }
}

function checkName(name: string, span: Span, report: CheckReport): void {
  if (name !== 'all' && !rules.has(name)) {
    const near = suggest(name, rules.keys());
    const message = `There is no check "${name}"`;
    report.add({ rule: 'UnknownCheck', message, span, hint: near === undefined ? undefined : `Did you mean "${near}"?` });
  }
}

/** InvalidBaseImagePlatform, which only planning can find; undefined when the platforms agree. */
export function baseImagePlatformWarning(
  image: string,
  platforms: { readonly expected: Platform; readonly actual: Platform },
  span: Span,
): Diagnostic | undefined {
  const { expected, actual } = platforms;
  if (expected.os === actual.os && expected.architecture === actual.architecture) return undefined;
  const pulled = `Base image ${image} was pulled with platform "${formatPlatform(actual)}"`;
  const message = `${pulled}, expected "${formatPlatform(expected)}" for current build`;
  return { severity: 'warning', code: 'InvalidBaseImagePlatform', message, span };
}
