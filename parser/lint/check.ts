import type { Diagnostic } from '../mistakes/errors.ts';
import { goQuote } from '../mistakes/go-quote.ts';
import { type CheckOptions, defaultCheckOptions, parseCheckOptions } from '../statements/check-directive.ts';
import type {
  ArgInstruction,
  CmdInstruction,
  Containerfile,
  EntrypointInstruction,
  StageInstruction,
} from '../syntax/containerfile.ts';
import type { Source } from '../syntax/span.ts';
import {
  checkArgument,
  checkDescription,
  checkEmptyCommand,
  checkFolderModes,
  checkIgnored,
  checkMounts,
  checkPorts,
  checkScript,
  checkSecretName,
  checkVariables,
  checkWideBlank,
} from './check-instructions.ts';
import { CheckReport } from './check-report.ts';
import {
  applyArg,
  applyEnv,
  copyScope,
  declaredName,
  expandIn,
  globalArgumentScope,
  type Scope,
  type ScopeBudget,
} from './check-scope.ts';
import { checkCasing, checkFrom, checkStageNames } from './check-stages.ts';
import { checkNames, checkSyntax, checkUnusedArgs } from './check-whole.ts';

/** What the image brings along from which a stage starts. */
export interface BaseFacts {
  /** Names of the variables that it sets. */
  readonly environment: Iterable<string>;
  /** It has a SHELL. */
  readonly hasShell: boolean;
  /** Its ONBUILD instructions, which run before the stage's own. */
  readonly triggers: readonly StageInstruction[];
}

/** The stage, by position in the file, that a FROM with variables starts from. */
export interface ParentStage {
  readonly stage: number;
}

/** What a check may know besides the file. */
export interface CheckFacts {
  readonly sources: readonly Source[];
  /** Names that `--build-arg` gives. */
  readonly buildArgs?: Iterable<string>;
  /** What a stage (by position in the file) starts from; undefined when nothing is known of it, or FROM names an earlier stage as written. */
  readonly base?: (stage: number) => BaseFacts | ParentStage | undefined;
  /** Whether the ignore file leaves out this path below the context's root. Say false when patterns with `!` make it uncertain. */
  readonly ignoredPaths?: (path: string) => boolean;
  /** Replaces the file's `check=` (build argument BUILDKIT_DOCKERFILE_CHECK). */
  readonly options?: string;
  /** Stages that a build looks at; all by default. Rules about names, casing and unused arguments always look at the whole file. */
  readonly isReachable?: (stage: number) => boolean;
}

/** Runs all build checks. The findings are warnings, or errors with `error=true`; they come in the order of the text. */
export function check(file: Containerfile, facts: CheckFacts): readonly Diagnostic[] {
  const options = optionsOf(file, facts);
  const report = new CheckReport(options);
  checkCasing(file, report);
  checkStageNames(file, report);
  checkSyntax(file, facts.sources, report);
  checkNames(file, { options, sources: facts.sources, hasOwnOptions: facts.options !== undefined }, report);
  const { escape } = file.directives;
  const given = new Set(facts.buildArgs);
  const walk: CheckState = {
    file,
    facts,
    report,
    given,
    globals: globalArgumentScope(file.globalArgs, { escape, given }),
    defaults: globalArgumentScope(file.globalArgs, { escape, given: new Set() }),
    budget: { left: 2_000_000 },
    byName: new Map(),
    states: [],
    bases: { argNames: new Set(), isUnknown: false },
  };
  file.globalArgs.forEach((instruction) => {
    checkEmptyLine(instruction, report);
    checkWideBlank(instruction, report);
    checkDescription(instruction, namesOf(instruction), report);
  });
  file.stages.forEach((_, index) => {
    checkStage(walk, index);
  });
  // A base that is not known may declare any argument in its ONBUILD instructions.
  if (!walk.bases.isUnknown) checkUnusedArgs(file, walk.bases.argNames, report);
  return report.diagnostics();
}

function optionsOf(file: Containerfile, facts: CheckFacts): CheckOptions {
  const options = parseCheckOptions(facts.options ?? file.directives.check ?? '');
  // A wrong directive is parse()'s to report, a wrong option the caller's.
  return 'reason' in options ? defaultCheckOptions : options;
}

/** What a stage leaves to the stages that start from it. */
interface StageState {
  readonly scope: Scope;
  hasWorkdir: boolean;
  /** Who runs shell forms: unknown when the base image is. */
  shell: 'default' | 'chosen' | 'unknown';
  /** No instruction has made a file or folder yet, and there is no base that could have any. */
  isEmpty: boolean;
  /** Its ONBUILD instructions. */
  readonly triggers: StageInstruction[];
}

interface CheckState {
  readonly file: Containerfile;
  readonly facts: CheckFacts;
  readonly report: CheckReport;
  readonly given: ReadonlySet<string>;
  readonly globals: Scope;
  readonly defaults: Scope;
  readonly budget: ScopeBudget;
  readonly byName: Map<string, number>;
  readonly states: StageState[];
  /** What is found out of the base images on the way. */
  readonly bases: { readonly argNames: Set<string>; isUnknown: boolean };
}

function checkStage(walk: CheckState, index: number): void {
  const stage = walk.file.stages[index];
  if (stage === undefined) return;
  const { state, inherited } = openStage(walk, index);
  for (const trigger of inherited) {
    checkInstruction({ ...walk, report: silent }, state, trigger);
  }
  const report = walk.facts.isReachable?.(index) === false ? silent : walk.report;
  checkEmptyLine(stage.from, walk.report);
  checkWideBlank(stage.from, walk.report);
  checkDescription(stage.from, stage.name === undefined ? [] : [stage.name], walk.report);
  checkFrom(stage, walk, report);
  const within: CheckState = { ...walk, report };
  for (const instruction of stage.body) {
    checkEmptyLine(instruction, walk.report);
    checkWideBlank(instruction, walk.report);
    checkInstruction(within, state, instruction);
  }
  checkRepeated(stage.body, report);
  checkCommand(stage.body, state, report);
  walk.states.push(state);
  if (stage.name !== undefined) walk.byName.set(stage.name, index);
}

/** For stages that are not built, and for what a base runs in them: what they set counts, and nothing is said. */
const silent = new CheckReport({ ...defaultCheckOptions, skipsAll: true });

/** A stage as its instructions find it, and the triggers that run before them. */
interface OpenedStage {
  readonly state: StageState;
  readonly inherited: readonly StageInstruction[];
}

function openStage(walk: CheckState, index: number): OpenedStage {
  const base = walk.facts.base?.(index);
  if (base !== undefined && 'stage' in base) {
    const planned = walk.states[base.stage];
    return planned === undefined ? openOnImage(walk, undefined) : openOnStage(walk, planned);
  }
  const image = walk.file.stages[index]?.from.image;
  const name = image === undefined ? undefined : expandIn(walk.globals, image).value;
  const parent = name === undefined ? undefined : walk.states[walk.byName.get(name.toLowerCase()) ?? -1];
  return parent === undefined ? openOnImage(walk, name === 'scratch' ? scratch : base) : openOnStage(walk, parent);
}

function openOnStage({ budget }: CheckState, parent: StageState): OpenedStage {
  const { hasWorkdir, shell, isEmpty, triggers } = parent;
  // Many stages may start from one that has many triggers.
  const scope = copyScope(parent.scope, budget, triggers.length * triggerCost);
  return { state: { scope, hasWorkdir, shell, isEmpty, triggers: [] }, inherited: budget.left < 0 ? [] : triggers };
}

/** Reading a trigger again takes as long as copying so many names. */
const triggerCost = 8;

const scratch: BaseFacts = { environment: [], hasShell: false, triggers: [] };

function openOnImage({ file, bases }: CheckState, base: BaseFacts | undefined): OpenedStage {
  bases.isUnknown ||= base === undefined;
  for (const name of base?.triggers.flatMap((trigger) => (trigger.kind === 'arg' ? namesOf(trigger) : [])) ?? []) {
    bases.argNames.add(name);
  }
  const values = new Map<string, string | undefined>([['PATH', undefined]]);
  for (const variable of base?.environment ?? []) values.set(variable, undefined);
  const scope: Scope = { escape: file.directives.escape, values, declared: new Set(), isComplete: base !== undefined };
  const shell = base === undefined ? 'unknown' : base.hasShell ? 'chosen' : 'default';
  const state: StageState = { scope, hasWorkdir: false, shell, isEmpty: base === scratch, triggers: [] };
  return { state, inherited: base?.triggers ?? [] };
}

function checkInstruction(walk: CheckState, state: StageState, instruction: StageInstruction): void {
  const { report } = walk;
  checkVariables(instruction, { scope: state.scope, globals: walk.globals }, report);
  switch (instruction.kind) {
    case 'arg':
      checkArg(walk, state, instruction);
      return;
    case 'env':
    case 'label':
      checkPairs(walk, state, instruction);
      return;
    case 'workdir':
      state.isEmpty = false;
      checkWorkdir(state, instruction, report);
      return;
    case 'copy':
    case 'add':
      if (state.isEmpty && instruction.kind === 'copy') checkFolderModes(instruction, state.scope, report);
      state.isEmpty = false;
      checkIgnored(instruction, { scope: state.scope, isIgnored: walk.facts.ignoredPaths ?? ((): boolean => false), report });
      return;
    case 'expose':
      checkPorts(instruction, state.scope, report);
      return;
    case 'run':
      state.isEmpty = false;
      checkMounts(instruction, report);
      checkEmptyCommand(instruction, report);
      if (state.shell === 'default') checkScript(instruction, report);
      return;
    case 'shell':
      state.shell = 'chosen';
      return;
    case 'cmd':
    case 'entrypoint':
      checkForm(state, instruction, report);
      checkEmptyCommand(instruction, report);
      return;
    case 'maintainer': {
      const message = 'Maintainer instruction is deprecated in favor of using label';
      const hint = 'Write LABEL org.opencontainers.image.authors="name"';
      report.add({ rule: 'MaintainerDeprecated', message, span: instruction.span, hint, instruction });
      return;
    }
    case 'onbuild':
      state.triggers.push(instruction.trigger);
      return;
    case 'healthcheck':
    case 'stopsignal':
    case 'user':
    case 'volume':
  }
}

function namesOf(instruction: ArgInstruction): readonly string[] {
  return instruction.args.map(({ name }) => name);
}

function checkArg(walk: CheckState, state: StageState, instruction: ArgInstruction): void {
  const { report, globals, given } = walk;
  checkDescription(instruction, namesOf(instruction), report);
  for (const argument of instruction.args) {
    const { nameWord, nameSpan, value } = argument;
    const name = declaredName(state.scope, argument) ?? argument.name;
    checkSecretName(instruction, { name, span: nameSpan }, report);
    // A default that a given argument replaces is never looked at.
    for (const word of [nameWord, given.has(name) ? undefined : value].filter((present) => present !== undefined)) {
      checkArgument(instruction, word, { scope: state.scope, globals, report });
    }
    applyArg(state.scope, argument, { globals, given });
  }
}

function checkPairs(
  walk: CheckState,
  state: StageState,
  instruction: Extract<StageInstruction, { kind: 'env' | 'label' }>,
): void {
  const { report } = walk;
  if (instruction.isLegacy) {
    const { keyword } = instruction;
    const message = `"${keyword} key=value" should be used instead of legacy "${keyword} key value" format`;
    report.add({ rule: 'LegacyKeyValueFormat', message, span: instruction.span, instruction });
  }
  if (instruction.kind === 'label') return;
  for (const { key } of instruction.pairs) {
    const name = expandIn(state.scope, key).value;
    if (name !== undefined) {
      checkSecretName(instruction, { name, span: key.span }, report);
    }
  }
  applyEnv(state.scope, instruction);
}

function checkWorkdir(state: StageState, instruction: Extract<StageInstruction, { kind: 'workdir' }>, report: CheckReport): void {
  const path = expandIn(state.scope, instruction.path).value;
  if (!state.hasWorkdir && path !== undefined && !path.startsWith('/')) {
    const message = `Relative workdir ${goQuote(path)} can have unexpected results if the base image changes`;
    report.add({ rule: 'WorkdirRelativePath', message, span: instruction.path.span, instruction });
  }
  state.hasWorkdir = true;
}

function checkForm(state: StageState, instruction: CmdInstruction | EntrypointInstruction, report: CheckReport): void {
  if (instruction.command.form === 'shell' && state.shell !== 'chosen') {
    const message = `JSON arguments recommended for ${instruction.keyword} to prevent unintended behavior related to OS signals`;
    report.add({ rule: 'JSONArgsRecommended', message, span: instruction.span, instruction });
  }
}

function checkEmptyLine(instruction: Pick<StageInstruction, 'emptyContinuation' | 'skippedChecks'>, report: CheckReport): void {
  if (instruction.emptyContinuation !== undefined) {
    const hint = 'Remove the empty line, or make it a comment';
    const span = instruction.emptyContinuation;
    report.add({ rule: 'NoEmptyContinuation', message: 'Empty continuation line', span, hint, instruction });
  }
}

/** MultipleInstructionsDisallowed, at the one that has no effect. */
function checkRepeated(body: readonly StageInstruction[], report: CheckReport): void {
  const last = new Map<string, StageInstruction>();
  for (const instruction of body) {
    const { kind } = instruction;
    if (kind !== 'cmd' && kind !== 'entrypoint' && kind !== 'healthcheck') continue;
    const earlier = last.get(kind);
    if (earlier !== undefined) {
      const what = `Multiple ${instruction.keyword} instructions should not be used in the same stage`;
      const message = `${what} because only the last one will be used`;
      report.add({ rule: 'MultipleInstructionsDisallowed', message, span: earlier.span, instruction: earlier });
    }
    last.set(kind, instruction);
  }
}

/** CmdIgnoredByEntrypoint: a shell started with -c ignores further arguments, unless its text asks for them. */
function checkCommand(body: readonly StageInstruction[], state: StageState, report: CheckReport): void {
  const entrypoint = body.findLast((instruction) => instruction.kind === 'entrypoint');
  const cmd = body.findLast((instruction) => instruction.kind === 'cmd');
  const isIgnored =
    entrypoint?.kind === 'entrypoint' && entrypoint.command.form === 'shell' && !/[$]/.test(entrypoint.command.text);
  const isEmpty = cmd?.kind === 'cmd' && cmd.command.form === 'exec' && cmd.command.argv.length === 0;
  if (isIgnored && cmd !== undefined && !isEmpty && state.shell === 'default') {
    const message = 'CMD has no effect: the ENTRYPOINT of this stage is in shell form and takes no arguments';
    const hint = 'Write the ENTRYPOINT as a JSON array';
    report.add({ rule: 'CmdIgnoredByEntrypoint', message, span: cmd.span, hint, instruction: cmd });
  }
}
