import type { Architecture } from '../../../../native/syscall-numbers.ts';
import { unreachable } from '../../../../registry/oci/unreachable.ts';
import { type Label, ProgramBuilder } from './assembler.ts';
import { type CallTable, callNumbers } from './call-table.ts';
import {
  type ArgumentRule,
  type ArgumentTest,
  type Decision,
  decisionsOf,
  newerCall,
  type Outcome,
  type ProfileSubject,
  unnamedCall,
} from './profile.ts';

/**
 * The seccomp filter of a command as `struct sock_filter[]`: for the processor's own calls and those of its 32-bit mode. x32 calls do not
 * exist (ENOSYS), and any other way into the kernel kills the process. Pure. (seccomp(2))
 */
export function compileFilter(subject: ProfileSubject): Uint8Array {
  const key = [subject.architecture, ...subject.kernel, ...subject.capabilities].join();
  const filter = compiled.get(key) ?? assembleFilter(subject);
  compiled.set(key, filter);
  return filter;
}

/** Compiling takes about a millisecond, and every RUN of a build has the same filter. */
const compiled = new Map<string, Uint8Array>();

function assembleFilter(subject: ProfileSubject): Uint8Array {
  const program = new ProgramBuilder();
  const decisions = decisionsOf(subject);
  let next = program.return(SECCOMP_RET_KILL_PROCESS);
  for (const table of tablesOf[subject.architecture]) {
    const block = compileTable(program, table, decisions);
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

function compileTable(program: ProgramBuilder, table: CallTable, decisions: ReadonlyMap<string, Decision>): Label {
  const block = new Block(program);
  const tree = block.tree(runsOf(table, decisions));
  const start = table === 'x64' ? program.branch('atLeast', X32_BIT, { yes: block.decide(newerCall), no: tree }) : tree;
  return program.load(NUMBER_OFFSET, start);
}

/** The number line, cut where the decision changes. Calls without conditions load no argument, so that the kernel can cache them. */
function runsOf(table: CallTable, decisions: ReadonlyMap<string, Decision>): Run[] {
  const decided = [...callNumbers(table)]
    .flatMap(([name, number]) => {
      const decision = decisions.get(name);
      return decision === undefined ? [] : [{ number, decision }];
    })
    .toSorted((left, right) => left.number - right.number);
  const runs: Run[] = [{ start: 0, decision: unnamedCall }];
  let end = 0;
  for (const { number, decision } of decided) {
    extend(runs, number > end ? { start: end, decision: unnamedCall } : undefined);
    extend(runs, { start: number, decision });
    end = number + 1;
  }
  extend(runs, { start: end, decision: newerCall });
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
  readonly #returns = new Map<Outcome, Label>();

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
    return typeof decision === 'object' ? this.#rule(decision) : this.#outcome(decision);
  }

  #outcome(outcome: Outcome): Label {
    const value = outcome === 'allow' ? SECCOMP_RET_ALLOW : SECCOMP_RET_ERRNO | outcome;
    const label = this.#returns.get(outcome) ?? this.#program.return(value);
    this.#returns.set(outcome, label);
    return label;
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
