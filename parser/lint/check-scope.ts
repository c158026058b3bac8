import type { ArgInstruction, ArgumentSyntax, EnvInstruction, Escape, Word } from '../syntax/containerfile.ts';
import { type Expansion, expandWord, type UnsetVariable } from '../words/expand.ts';
import { platformArgs } from '../words/predefined.ts';

/** The variables at one place of the file, as far as they are known without building. */
export interface Scope {
  readonly escape: Escape;
  /** Variables that are set; undefined when their value is not known here. */
  readonly values: Map<string, string | undefined>;
  /** Arguments that are declared, set or not. */
  readonly declared: Set<string>;
  /** False when the base image, or an ARG whose name is not known, may set more. */
  isComplete: boolean;
}

/** What a word comes to. */
export interface KnownExpansion {
  /** undefined when it depends on something that is not known, or is wrong. */
  readonly value: string | undefined;
  /** Uses of variables that are neither set nor declared. */
  readonly undefinedNames: readonly UnsetVariable[];
}

/** Limits what copying scopes from stage to stage may cost in all. */
export interface ScopeBudget {
  left: number;
}

/** Arguments before the first FROM. `given` are names of `--build-arg`; their values are not known here. */
export function globalArgumentScope(
  args: readonly ArgInstruction[],
  options: { escape: Escape; given: ReadonlySet<string> },
): Scope {
  const { escape, given } = options;
  const values = new Map<string, string | undefined>(platformArgs.map((name) => [name, undefined]));
  const scope: Scope = { escape, values, declared: new Set(platformArgs), isComplete: true };
  for (const argument of args.flatMap((instruction) => instruction.args)) {
    declare(scope, argument, { given, inherited: undefined });
  }
  return scope;
}

/** A copy to add to; an incomplete empty one when copying, and `more` that goes with it, costs too much. */
export function copyScope(scope: Scope, budget: ScopeBudget, more: number): Scope {
  budget.left -= scope.values.size + scope.declared.size + more;
  if (budget.left < 0) {
    return { escape: scope.escape, values: new Map(), declared: new Set(), isComplete: false };
  }
  return { ...scope, values: new Map(scope.values), declared: new Set(scope.declared) };
}

/** Expands a word as far as the scope goes. */
export function expandIn(scope: Scope, word: Pick<Word, 'raw'>): KnownExpansion {
  let isKnown = true;
  const env = (name: string): string | undefined => {
    const value = scope.values.get(name);
    isKnown &&= value !== undefined || !(scope.values.has(name) || !scope.isComplete);
    // Something must stand for the unknown; the result is thrown away.
    return value ?? (scope.values.has(name) ? '' : undefined);
  };
  return known(scope, expandWord(word.raw, { env, escape: scope.escape }), () => isKnown);
}

/** As expandIn, for an expansion that was made some other way with `scope`. */
export function known(scope: Scope, expansion: Expansion, isKnown: () => boolean): KnownExpansion {
  const undefinedNames = scope.isComplete ? expansion.unset.filter(({ name }) => !scope.declared.has(name)) : [];
  return { value: isKnown() && expansion.error === undefined ? expansion.value : undefined, undefinedNames };
}

/** Applies ENV: all values see the scope before the instruction. */
export function applyEnv(scope: Scope, instruction: EnvInstruction): void {
  const pairs = instruction.pairs.map(({ key, value }) => [expandIn(scope, key).value, expandIn(scope, value).value] as const);
  for (const [name, value] of pairs) {
    if (name !== undefined) scope.values.set(name, value);
  }
}

/** Applies one argument of ARG in a stage; later ones on the line see it. */
export function applyArg(scope: Scope, argument: ArgumentSyntax, options: { globals: Scope; given: ReadonlySet<string> }): void {
  const { globals, given } = options;
  declare(scope, argument, { given, inherited: globals });
}

/** The name that an ARG declares, as far as it is known. */
export function declaredName(scope: Scope, { name, nameWord }: ArgumentSyntax): string | undefined {
  return nameWord === undefined ? name : expandIn(scope, nameWord).value;
}

interface Surroundings {
  readonly given: ReadonlySet<string>;
  /** Where a declaration without a value takes it from. */
  readonly inherited: Scope | undefined;
}

function declare(scope: Scope, argument: ArgumentSyntax, { given, inherited }: Surroundings): void {
  const name = declaredName(scope, argument);
  const { value } = argument;
  if (name === undefined) {
    // It may be any.
    scope.isComplete = false;
    return;
  }
  scope.declared.add(name);
  if (given.has(name)) {
    scope.values.set(name, undefined);
  } else if (value !== undefined) {
    scope.values.set(name, expandIn(scope, value).value);
  } else if (inherited?.values.has(name) === true) {
    scope.values.set(name, inherited.values.get(name));
  }
}
