import type { Diagnostic } from '../mistakes/errors.ts';
import type { CheckOptions } from '../statements/check-directive.ts';
import type { InstructionBase } from '../syntax/containerfile.ts';
import type { Span } from '../syntax/span.ts';
import { rules } from './rules.ts';

/** A finding of a rule, before it is known whether the rule is wanted. */
export interface RuleFinding {
  readonly rule: string;
  readonly message: string;
  readonly span: Span;
  readonly hint?: string | undefined;
  /** The instruction it is about, whose `# check=skip=` counts. */
  readonly instruction?: Pick<InstructionBase, 'skippedChecks'>;
}

const mostLookups = 50;

/** Collects what the rules find and are allowed to say. */
export class CheckReport {
  readonly #options: CheckOptions;
  readonly #found: Diagnostic[] = [];

  #lookups = 0;

  constructor(options: CheckOptions) {
    this.#options = options;
  }

  /** False when so many names were looked for already that the time would be felt. */
  mayLookAround(): boolean {
    this.#lookups += 1;
    return this.#lookups <= mostLookups;
  }

  add(finding: RuleFinding): void {
    if (!this.#isWanted(finding)) return;
    const { rule, message, span, hint } = finding;
    const severity = this.#options.isError ? 'error' : 'warning';
    this.#found.push({ severity, code: rule, message, span, ...(hint === undefined ? {} : { hint }) });
  }

  /** All findings in the order of the text. */
  diagnostics(): readonly Diagnostic[] {
    return this.#found.toSorted((a, b) => {
      const [spanA, spanB] = [a.span, b.span];
      return spanA === undefined || spanB === undefined ? 0 : spanA.source - spanB.source || spanA.start - spanB.start;
    });
  }

  #isWanted({ rule, instruction }: RuleFinding): boolean {
    const { skipsAll, skipped, enablesAllExperimental, experimental } = this.#options;
    // A rule that is asked for by name runs even under skip=all, as in BuildKit.
    const isEnabled = experimental.includes(rule) || enablesAllExperimental;
    const isSkippedHere = instruction?.skippedChecks.some((name) => name === rule || name === 'all') ?? false;
    if (isSkippedHere || skipped.includes(rule)) return false;
    return rules.get(rule)?.isExperimental === true ? isEnabled : !skipsAll || experimental.includes(rule);
  }
}
