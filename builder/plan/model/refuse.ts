import { ContainerfileError, type ContainerfileErrorCode, type Diagnostic } from '../../../parser/mistakes/errors.ts';
import type { Span } from '../../../parser/syntax/span.ts';

/** An error of planning, before it is thrown. */
export interface PlanProblem {
  readonly code: ContainerfileErrorCode;
  readonly message: string;
  readonly span: Span | undefined;
  readonly hint?: string | undefined;
}

/** The diagnostic of an error. */
export function errorDiagnostic({ code, message, span, hint }: PlanProblem): Diagnostic {
  return { severity: 'error', code, message, span, ...(hint !== undefined && { hint }) };
}

/**
 * Gives up on the instruction that is being planned. Only within planning: the loop over the instructions catches it, so that errors of
 * other stages are reported together with it.
 */
export function refuse(problem: PlanProblem): never {
  throw new ContainerfileError([errorDiagnostic(problem)]);
}
