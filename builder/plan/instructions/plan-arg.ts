import type { ArgInstruction, ArgumentSyntax } from '../../../parser/syntax/containerfile.ts';
import { variablesOf } from '../../../parser/words/expand.ts';
import type { PlannedStep } from '../model/plan.ts';
import { argumentName, valueOf } from '../stages/expand-word.ts';
import { configStep, type InstructionContext, spanInFile } from './instruction-context.ts';
import { declareArgument, setVariable } from './stage-state.ts';

/**
 * ARG: a build argument, else the default, else the value from before the first FROM. Each default sees the ones to its left, and is not
 * evaluated when it is not used. An argument without a value stays unset and leaves an ENV of its name alone.
 */
export function planArg(instruction: ArgInstruction, context: InstructionContext): PlannedStep {
  const { state } = context;
  const declared = instruction.args.map((argument) => {
    const name = argumentName(argument, state.expander);
    const value = argumentValue(name, argument, context);
    noteForOutline(name, argument, { instruction, context, value });
    if (value !== undefined && !metaArguments.has(name)) setVariable(state, name, value);
    declareArgument(state, name, value);
    return value === undefined ? name : `${name}=${value}`;
  });
  return configStep(context, `ARG ${declared.join(' ')}`);
}

// They tell BuildKit what to scan, and no command sees them.
const metaArguments: ReadonlySet<string> = new Set(['BUILDKIT_SBOM_SCAN_CONTEXT', 'BUILDKIT_SBOM_SCAN_STAGE']);

function argumentValue(name: string, { value }: ArgumentSyntax, { globals, state }: InstructionContext): string | undefined {
  const given = globals.given.get(name);
  if (given !== undefined) return given;
  return value === undefined ? globals.values.get(name) : valueOf(value, state.expander);
}

interface Declaration {
  readonly instruction: ArgInstruction;
  readonly context: InstructionContext;
  readonly value: string | undefined;
}

function noteForOutline(name: string, argument: ArgumentSyntax, { instruction, context, value }: Declaration): void {
  const { state, globals } = context;
  const { nameSpan, value: word } = argument;
  state.usedArguments.add(name);
  const isFromElsewhere = word === undefined && !globals.given.has(name) && (globals.values.has(name) || state.args.has(name));
  if (isFromElsewhere) return;
  const mentioned = word === undefined ? [] : variablesOf(word.raw, state.expander.escape).map((variable) => variable.name);
  const dependencies = mentioned.filter((other) => other !== name);
  state.declared.set(name, {
    name,
    value,
    instruction,
    span: spanInFile(context, nameSpan),
    instructionSpan: spanInFile(context, instruction.span),
    dependencies,
  });
}
