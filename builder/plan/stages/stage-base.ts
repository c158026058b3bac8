import { didYouMean } from '../../../parser/mistakes/suggest.ts';
import type { Containerfile, FromInstruction, Word } from '../../../parser/syntax/containerfile.ts';
import { expandWord, variablesOf } from '../../../parser/words/expand.ts';
import { type Platform, parsePlatform } from '../../../registry/oci/platform.ts';
import type { PlanOptions } from '../model/plan-options.ts';
import { refuse } from '../model/refuse.ts';
import { type Expander, valueOf } from './expand-word.ts';
import type { GlobalScope } from './global-scope.ts';
import { namedContextOf, noImageReason } from './image-request.ts';
import type { FileIndex, FoundSource } from './selection.ts';
import { contextSource, findSource, type StageNames } from './stage-names.ts';

/** What FROM says. */
export interface BaseChoice {
  readonly source: FoundSource;
  readonly name: string;
  readonly platform: Platform;
  /** True when a named context stands for the whole stage, instructions included. */
  readonly isReplaced: boolean;
  readonly usedArguments: readonly string[];
  /** Those in the name of the image that are unset or empty, which may be why it can be none. */
  readonly emptyArguments: readonly string[];
  /** What helps against the first of them. */
  readonly emptyHint: string | undefined;
}

/** What is known when a FROM is read. */
export interface BaseKnowledge {
  readonly file: Containerfile;
  readonly names: StageNames;
  readonly globals: GlobalScope;
  readonly options: PlanOptions;
}

/**
 * Reads the FROM of a stage. All of a file's FROMs are read, needed or not, as BuildKit does it.
 *
 * @throws ContainerfileError for words that cannot be expanded, an empty base, a wrong platform
 */
export function chooseBase(index: FileIndex, knowledge: BaseKnowledge): BaseChoice {
  const { file, names, globals, options } = knowledge;
  const stage = file.stages[index];
  if (stage === undefined) throw new Error(`there is no stage ${index}`);
  const expander: Expander = { env: (name) => globals.values.get(name), escape: file.directives.escape };
  const isOverridden = options.from !== undefined && index === file.stages.length - 1;
  const name = isOverridden ? options.from : baseName(stage.from, expander, globals);
  const platform = platformOf(stage.from, expander, knowledge);
  const usedArguments = usedIn([isOverridden ? undefined : stage.from.image, stage.from.platform], expander);
  const replacement = stage.name === undefined ? undefined : namedContextOf(stage.name, platform, options);
  const { span } = stage.from.image;
  const source =
    replacement === undefined
      ? findSource(names, { name, span, platform })
      : contextSource(replacement, { name: replacement.name, span, platform });
  // Nothing of scratch runs anywhere, so it is for what the build is for, whatever FROM says.
  const runsOn = source.kind === 'scratch' ? options.platform : platform;
  const emptyArguments = isOverridden ? [] : emptyIn(stage.from.image, expander);
  const emptyHint = hintForEmpty(emptyArguments, globals);
  return { source, name, platform: runsOn, isReplaced: replacement !== undefined, usedArguments, emptyArguments, emptyHint };
}

/** Refuses a base that can be no image. Only for stages that are needed. */
export function checkBaseName(from: FromInstruction, choice: BaseChoice): void {
  const { source, name, emptyArguments } = choice;
  if (source.kind !== 'image' || source.request.context !== undefined) return;
  const why = noImageReason(source.request.name);
  if (why === undefined) return;
  const [empty] = emptyArguments;
  const cause = empty === undefined ? '' : `, and the argument ${empty} has no value`;
  const message = `Cannot use "${name}" as the base of a stage: ${why}${cause}`;
  refuse({ code: 'name', message, span: from.image.span, hint: choice.emptyHint ?? source.request.hint });
}

function baseName(from: FromInstruction, expander: Expander, globals: GlobalScope): string {
  const name = valueOf(from.image, expander);
  if (name !== '') return name;
  const message = `Cannot start a stage from "${from.image.raw}": the base name should not be blank`;
  return refuse({ code: 'name', message, span: from.image.span, hint: hintForEmpty(emptyIn(from.image, expander), globals) });
}

function platformOf(from: FromInstruction, expander: Expander, { options, globals }: BaseKnowledge): Platform {
  if (from.platform === undefined) return options.platform;
  const { span, raw } = from.platform;
  const value = valueOf(from.platform, expander);
  const hint = hintForEmpty(emptyIn(from.platform, expander), globals);
  if (value === '') {
    refuse({
      code: 'platform',
      message: `Cannot use the platform "${raw}": empty platform value from expression ${raw}`,
      span,
      hint,
    });
  }
  const platform = parsePlatform(value, options.buildPlatform.architecture);
  if (platform !== undefined) return platform;
  const message = `Cannot use the platform "${value}": it is no system and architecture`;
  return refuse({ code: 'platform', message, span, hint: hint ?? 'Platforms look like linux/amd64 or linux/arm/v7' });
}

/** The variables of a word that have no value and no default. */
function emptyIn(word: Word, expander: Expander): readonly string[] {
  const unset = new Set(expandWord(word.raw, expander).unset.map(({ name }) => name));
  return usedIn([word], expander).filter((name) => unset.has(name) || expander.env(name) === '');
}

function hintForEmpty([name]: readonly string[], globals: GlobalScope): string | undefined {
  if (name === undefined) return undefined;
  if (globals.arguments.has(name)) {
    return `Give it a value: --build-arg ${name}=VALUE, or ARG ${name}=VALUE before the first FROM`;
  }
  const known = [...globals.values.keys(), ...globals.arguments.keys()];
  return didYouMean(name, known) ?? `FROM sees only ARGs before the first FROM: put ARG ${name}=... there`;
}

function usedIn(words: readonly (Word | undefined)[], { escape }: Expander): readonly string[] {
  return words.flatMap((word) => (word === undefined ? [] : variablesOf(word.raw, escape).map(({ name }) => name)));
}
