import type { Diagnostic } from '../../../parser/mistakes/errors.ts';
import type { Containerfile } from '../../../parser/syntax/containerfile.ts';
import type { Span } from '../../../parser/syntax/span.ts';
import type { SourceImage } from '../../../registry/oci/image-source.ts';
import { type PlannedState, planStages } from '../../plan/make-plan.ts';
import type { PlanOptions } from '../../plan/model/plan-options.ts';
import type { ArgumentInfo, GlobalScope } from '../../plan/stages/global-scope.ts';
import { selectStages } from '../../plan/stages/select-stages.ts';
import { describe } from './describe.ts';

/** An argument that the target takes. */
interface OutlineArgument {
  readonly name: string;
  /** The build argument, else the default; undefined when it has neither. */
  readonly value: string | undefined;
  readonly description: string | undefined;
  /** Its name. */
  readonly span: Span;
  /** The ARG as a whole. */
  readonly instructionSpan: Span;
}

/** A secret or an agent that a RUN mounts. */
interface OutlineMount {
  readonly name: string;
  readonly isRequired: boolean;
  /** The RUN. */
  readonly span: Span;
}

/** What the target can be given, in the order of the file. */
export interface Outline {
  /** The name of the target, when it has one. */
  readonly name: string | undefined;
  readonly description: string | undefined;
  readonly args: readonly OutlineArgument[];
  readonly secrets: readonly OutlineMount[];
  readonly ssh: readonly OutlineMount[];
  /** Errors that a build would end with. */
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Lists the arguments, secrets and agents that the target and all it needs can take. `images` holds the base images by the key of their
 * request; one that is not there counts as one that sets nothing.
 *
 * @throws ContainerfileError when the stages cannot be selected
 */
export function outline(
  file: Containerfile,
  options: PlanOptions,
  images: ReadonlyMap<string, SourceImage> = new Map(),
): Outline {
  const selection = selectStages(file, options, images);
  const { stages, errors } = planStages({ file, options, images, selection });
  const target = file.stages[selection.target];
  return {
    name: target?.name,
    description: describe(target?.name, target?.from.comment),
    args: argumentsOf(stages, selection.globals),
    secrets: mountsOf(stages, 'secret'),
    ssh: mountsOf(stages, 'ssh'),
    diagnostics: errors,
  };
}

/** What a target can be given for one of several platforms or more. The values and places are those of the first one that has it. */
export function joinedOutline(outlines: readonly Outline[]): Outline {
  const [first] = outlines;
  if (first === undefined) throw new Error('There is no platform to outline');
  return {
    ...first,
    args: firstOfEach(outlines.flatMap(({ args }) => args)),
    secrets: firstOfEach(outlines.flatMap(({ secrets }) => secrets)),
    ssh: firstOfEach(outlines.flatMap(({ ssh }) => ssh)),
  };
}

function firstOfEach<T extends { readonly name: string; readonly span: Span }>(items: readonly T[]): readonly T[] {
  const byName = new Map<string, T>();
  for (const item of items) if (!byName.has(item.name)) byName.set(item.name, item);
  return inOrder([...byName.values()]);
}

function argumentsOf(stages: readonly PlannedState[], globals: GlobalScope): readonly OutlineArgument[] {
  const found = new Map<string, ArgumentInfo>();
  // The target comes last in the file, and its own word on an argument counts most.
  for (const { state, selected } of stages.toReversed()) {
    const names = [...selected.usedArguments, ...state.usedArguments];
    for (const info of reached(names, { declared: state.declared, globals })) {
      if (!found.has(info.name)) found.set(info.name, info);
    }
  }
  return inOrder([...found.values()].map(outlineArgument));
}

interface Scopes {
  readonly declared: ReadonlyMap<string, ArgumentInfo>;
  readonly globals: GlobalScope;
}

/** The arguments of these names, and those that their defaults mention. */
function reached(names: readonly string[], { declared, globals }: Scopes): readonly ArgumentInfo[] {
  const infos = new Map<string, ArgumentInfo>();
  const waiting = [...names];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const info = declared.get(name) ?? globals.arguments.get(name);
    if (info === undefined || infos.has(name)) continue;
    infos.set(name, info);
    waiting.push(...info.dependencies);
  }
  return [...infos.values()];
}

function outlineArgument({ name, value, instruction, span, instructionSpan }: ArgumentInfo): OutlineArgument {
  return { name, value, description: describe(name, instruction.comment), span, instructionSpan };
}

function mountsOf(stages: readonly PlannedState[], kind: 'secret' | 'ssh'): readonly OutlineMount[] {
  const found = new Map<string, OutlineMount>();
  for (const { stage } of stages) {
    for (const { action, span } of stage.steps) {
      for (const mount of action?.kind === 'run' ? action.mounts : []) {
        if (mount.kind !== kind || found.has(mount.id)) continue;
        found.set(mount.id, { name: mount.id, isRequired: mount.isRequired, span });
      }
    }
  }
  return inOrder([...found.values()]);
}

function inOrder<T extends { readonly span: Span }>(items: readonly T[]): readonly T[] {
  return items.toSorted((a, b) => a.span.source - b.span.source || a.span.start - b.span.start);
}
