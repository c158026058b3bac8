import type { Architecture } from '../../../../native/syscall-numbers.ts';
import { unreachable } from '../../../../registry/oci/unreachable.ts';
import type { SeccompProfile } from '../../../protocol/confinement.ts';
import { type Label, ProgramBuilder } from './assembler.ts';
import { type CallTable, callNumbers } from './call-table.ts';
import { furtherNumbers, givenDecisions } from './given-profile.ts';
import {
  type ArgumentRule,
  type ArgumentTest,
  type Cases,
  type Decision,
  decisionsOf,
  newerCall,
  type Outcome,
  type ProfileSubject,
  unnamedCall,
  type WideTest,
} from './profile.ts';

/** What a filter is made of. */
interface FilterRules {
  /** The ways into the kernel that it knows; all others kill the process. */
  readonly tables: readonly CallTable[];
  readonly decisions: ReadonlyMap<string, Decision>;
  /** For calls that no decision names, and for those whose numbers are above all of these. */
  readonly unnamed: Outcome;
  readonly newer: Outcome;
}

/**
 * The seccomp filter of a command as `struct sock_filter[]`: for the processor's own calls and those of its 32-bit mode. x32 calls do not
 * exist (ENOSYS), and any other way into the kernel kills the process. Pure. (seccomp(2))
 */
export function compileFilter(subject: ProfileSubject): Uint8Array {
  const tables = tablesOf[subject.architecture];
  return remembered([subject], () => {
    return assembleFilter({ tables, decisions: decisionsOf(subject), unnamed: unnamedCall, newer: newerCall });
  });
}

/** The same for a profile of the caller's. It may be longer than the kernel takes */
export function compileProfile(profile: SeccompProfile, subject: ProfileSubject): Uint8Array {
  const tables = tablesOf[subject.architecture].filter((table) => {
    return (table !== 'x86' && table !== 'arm') || profile.modes.includes(table);
  });
  const otherwise = { returns: profile.otherwise };
  return remembered([subject, profile], () => {
    return assembleFilter({ tables, decisions: givenDecisions(profile, subject), unnamed: otherwise, newer: otherwise });
  });
}

/** Compiling takes about a millisecond, and every RUN of a build has the same filter. */
const compiled = new Map<string, Uint8Array>();

function remembered(of: readonly (ProfileSubject | SeccompProfile)[], assemble: () => Uint8Array): Uint8Array {
  const key = JSON.stringify(of);
  const filter = compiled.get(key) ?? assemble();
  compiled.set(key, filter);
  return filter;
}

function assembleFilter(rules: FilterRules): Uint8Array {
  const program = new ProgramBuilder();
  let next = program.return(SECCOMP_RET_KILL_PROCESS);
  for (const table of rules.tables) {
    const block = compileTable(program, table, rules);
    next = program.branch('equal', auditArchitectures[table], { yes: block, no: next });
  }
  program.load(ARCHITECTURE_OFFSET, next);
  return program.bytes();
}

const tablesOf: Readonly<Record<Architecture, readonly CallTable[]>> = { x64: ['x86', 'x64'], arm64: ['arm', 'arm64'] };

/** AUDIT_ARCH_* of linux/audit.h. */
const auditArchitectures: Readonly<Record<CallTable, number>> = {
  x64: 0xc000_003e,
  x86: 0x4000_0003,
  arm64: 0xc000_00b7,
  arm: 0x4000_0028,
};

const SECCOMP_RET_KILL_PROCESS = 0x8000_0000;
const SECCOMP_RET_ERRNO = 0x0005_0000;
const SECCOMP_RET_ALLOW = 0x7fff_0000;
/** Offsets in `struct seccomp_data`. */
const NUMBER_OFFSET = 0;
const ARCHITECTURE_OFFSET = 4;
const ARGUMENTS_OFFSET = 16;
const X32_BIT = 0x4000_0000;

/** Call numbers from `start` up to the next run's start. */
interface Run {
  readonly start: number;
  readonly decision: Decision;
}

function compileTable(program: ProgramBuilder, table: CallTable, rules: FilterRules): Label {
  const block = new Block(program);
  const tree = block.tree(runsOf(table, rules));
  const start = table === 'x64' ? program.branch('atLeast', X32_BIT, { yes: block.decide(newerCall), no: tree }) : tree;
  return program.load(NUMBER_OFFSET, start);
}

/** The number line, cut where the decision changes. Calls without conditions load no argument, so that the kernel can cache them. */
function runsOf(table: CallTable, { decisions, unnamed, newer }: FilterRules): Run[] {
  const decided = [...callNumbers(table), ...furtherNumbers(table)]
    .flatMap(([name, number]) => {
      const decision = decisions.get(name);
      return decision === undefined ? [] : [{ number, decision }];
    })
    .toSorted((left, right) => left.number - right.number);
  const runs: Run[] = [{ start: 0, decision: unnamed }];
  let end = 0;
  for (const { number, decision } of decided) {
    extend(runs, number > end ? { start: end, decision: unnamed } : undefined);
    extend(runs, { start: number, decision });
    end = number + 1;
  }
  extend(runs, { start: end, decision: newer });
  return runs;
}

function extend(runs: Run[], run: Run | undefined): void {
  const last = runs.at(-1);
  if (run === undefined || last?.decision === run.decision) return;
  if (last?.start === run.start) runs.pop();
  runs.push(run);
}

/** The instructions of one table. Returns are shared within it. */
class Block {
  readonly #program: ProgramBuilder;
  readonly #returns = new Map<number, Label>();

  constructor(program: ProgramBuilder) {
    this.#program = program;
  }

  /** A binary search for the run that holds the loaded number. */
  tree(runs: readonly Run[]): Label {
    const middle = runs[Math.ceil(runs.length / 2)];
    if (middle === undefined || runs.length === 1) return this.decide(runs[0]?.decision ?? unnamedCall);
    const index = runs.indexOf(middle);
    const yes = this.tree(runs.slice(index));
    const no = this.tree(runs.slice(0, index));
    return this.#program.branch('atLeast', middle.start, { yes, no });
  }

  decide(decision: Decision): Label {
    if (typeof decision !== 'object' || 'returns' in decision) return this.#outcome(decision);
    return 'cases' in decision ? this.#cases(decision) : this.#rule(decision);
  }

  #outcome(outcome: Outcome): Label {
    const value = valueOf(outcome);
    const label = this.#returns.get(value) ?? this.#program.return(value);
    this.#returns.set(value, label);
    return label;
  }

  #cases({ cases, otherwise }: Cases): Label {
    return cases.reduceRight((no, { tests, outcome }) => {
      return tests.reduceRight((yes, test) => this.#wide(test, yes, no), this.#outcome(outcome));
    }, this.#outcome(otherwise));
  }

  /** The high word decides, and where it is equal the low one. */
  #wide(test: WideTest, holds: Label, fails: Label): Label {
    const [yes, no] = test.isNegated ? [fails, holds] : [holds, fails];
    const program = this.#program;
    const [high, low] = [wordsOf(test.value >> 32n, test.mask >> 32n), wordsOf(test.value, test.mask)];
    const offset = ARGUMENTS_OFFSET + test.argument * 8;
    const comparison = test.comparison === 'equal' ? 'equal' : 'atLeast';
    const lower = program.load(offset, program.mask(low.mask, program.branch(comparison, low.value, { yes, no })));
    const equal = program.branch('equal', high.value, { yes: lower, no });
    const isAboveAll = comparison === 'equal' || high.value === 0xffff_ffff;
    const start = isAboveAll ? equal : program.branch('atLeast', high.value + 1, { yes, no: equal });
    return program.load(offset + 4, program.mask(high.mask, start));
  }

  #rule({ argument, allowed, otherwise }: ArgumentRule): Label {
    const yes = this.#outcome('allow');
    const first = allowed.toReversed().reduce((no, test) => this.#test(test, yes, no), this.#outcome(otherwise));
    return this.#program.load(ARGUMENTS_OFFSET + argument * 8, first);
  }

  #test({ kind, value }: ArgumentTest, yes: Label, no: Label): Label {
    switch (kind) {
      case 'equal':
        return this.#program.branch('equal', value, { yes, no });
      case 'below':
        return this.#program.branch('atLeast', value, { yes: no, no: yes });
      case 'without-bits':
        return this.#program.branch('anyBit', value, { yes: no, no: yes });
      default:
        return unreachable(kind);
    }
  }
}

function valueOf(outcome: Outcome): number {
  if (typeof outcome === 'object') return outcome.returns;
  return outcome === 'allow' ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | outcome;
}

function wordsOf(value: bigint, mask: bigint): { readonly value: number; readonly mask: number } {
  return { value: Number(value & 0xffff_ffffn), mask: Number(mask & 0xffff_ffffn) };
}
