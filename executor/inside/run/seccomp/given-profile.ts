import type { Architecture } from '../../../../native/syscall-numbers.ts';
import type { SeccompCondition, SeccompProfile, SeccompRule, SeccompTest } from '../../../protocol/confinement.ts';
import type { CallTable } from './call-table.ts';
import { type Cases, type Decision, isSince, type ProfileSubject, type WideTest } from './profile.ts';

/** The decision for each call that a profile of the caller's names and that counts for a subject. */
export function givenDecisions(profile: SeccompProfile, subject: ProfileSubject): ReadonlyMap<string, Decision> {
  const decisions = new Map<string, Decision>();
  const cases = new Map<string, Cases['cases'][number][]>();
  for (const rule of profile.rules.filter((candidate) => counts(candidate, profile, subject))) {
    for (const name of rule.names) {
      if (rule.tests.length > 0) cases.set(name, [...(cases.get(name) ?? []), ...casesOf(rule)]);
      // The first counts, as in libseccomp: podman's own profile has two for setns().
      else if (!decisions.has(name)) decisions.set(name, { returns: rule.returns });
    }
  }
  for (const [name, list] of cases) {
    // A rule without conditions leaves nothing to those that have some, as in libseccomp.
    if (!decisions.has(name)) decisions.set(name, { cases: list, otherwise: { returns: profile.otherwise } });
  }
  return decisions;
}

/** What says the same as the profile's end is left out, as runtimes do. */
function counts({ returns, includes, excludes }: SeccompRule, { otherwise }: SeccompProfile, subject: ProfileSubject): boolean {
  return returns !== otherwise && includesSubject(includes, subject) && !excludesSubject(excludes, subject);
}

function includesSubject({ capabilities, architectures, kernel }: SeccompCondition, subject: ProfileSubject): boolean {
  return (
    capabilities.every((name) => subject.capabilities.some((kept) => kept === name)) &&
    (architectures.length === 0 || architectures.includes(goNames[subject.architecture])) &&
    (kernel === undefined || isSince(subject.kernel, kernel))
  );
}

function excludesSubject({ capabilities, architectures, kernel }: SeccompCondition, subject: ProfileSubject): boolean {
  return (
    capabilities.some((name) => subject.capabilities.some((kept) => kept === name)) ||
    architectures.includes(goNames[subject.architecture]) ||
    (kernel !== undefined && isSince(subject.kernel, kernel))
  );
}

const goNames: Readonly<Record<Architecture, string>> = { x64: 'amd64', arm64: 'arm64' };

/** Several tests of one argument cannot all hold, so runtimes take them for one rule each. */
function casesOf({ tests, returns }: SeccompRule): Cases['cases'] {
  const outcome = { returns };
  const wide = tests.map(wideTest);
  const isRepeated = new Set(wide.map(({ argument }) => argument)).size < wide.length;
  return isRepeated ? wide.map((test) => ({ tests: [test], outcome })) : [{ tests: wide, outcome }];
}

const allBits = 2n ** 64n - 1n;

function wideTest({ argument, comparison, value: text, mask }: SeccompTest): WideTest {
  const value = BigInt(text);
  const all = { argument, mask: mask === undefined ? allBits : BigInt(mask) };
  switch (comparison) {
    case 'equal':
      return { ...all, comparison: 'equal', isNegated: false, value };
    case 'not-equal':
      return { ...all, comparison: 'equal', isNegated: true, value };
    case 'at-least':
      return { ...all, comparison: 'at-least', isNegated: false, value };
    case 'below':
      return { ...all, comparison: 'at-least', isNegated: true, value };
    case 'above':
      return above(all, value, false);
    case 'at-most':
      return above(all, value, true);
  }
}

/** Nothing is above the highest number: not even what is at least 0. */
function above(all: Pick<WideTest, 'argument' | 'mask'>, value: bigint, isNegated: boolean): WideTest {
  if (value === allBits) return { ...all, comparison: 'at-least', isNegated: !isNegated, value: 0n };
  return { ...all, comparison: 'at-least', isNegated, value: value + 1n };
}

/** The numbers of calls that docker's profile has no rule for, where a profile of the caller's may have one. */
export function furtherNumbers(table: CallTable): readonly (readonly [name: string, number: number])[] {
  return rows.split(';').flatMap((row) => {
    const [name = '', x64, x86, arm64, arm] = row.trim().split(' ');
    const number = Number({ x64, x86, arm64, arm }[table]);
    return Number.isInteger(number) ? [[name, number] as const] : [];
  });
}

/** Name, then the numbers as in call-table.ts, from the same places. */
const rows = `
_sysctl 156 149 - 149; add_key 248 286 217 309; afs_syscall 183 137 - -; break - 17 - -; create_module 174 127 - -; file_getattr 468 468 468 468;
file_setattr 469 469 469 469; ftime - 35 - -; get_kernel_syms 177 130 - -; getpmsg 181 188 - -; gtty - 32 - -; idle - 112 - -;
io_uring_enter 426 426 426 426; io_uring_register 427 427 427 427; io_uring_setup 425 425 425 425; listns 470 470 470 470; lock - 53 - -;
mpx - 56 - -; open_tree_attr 467 467 467 467; prof - 44 - -; profil - 98 - -; putpmsg 182 189 - -; request_key 249 287 218 310;
security 185 - - -; stty - 31 - -; tuxcall 184 - - -; ulimit - 58 - -; vserver 236 273 - 313`;
