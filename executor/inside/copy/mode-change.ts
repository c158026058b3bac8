import { Refusal } from '../failure.ts';

/** How --chmod changes modes. */
export type ModeChange =
  /** One mode for everything. */
  { readonly kind: 'octal'; readonly mode: number } | { readonly kind: 'symbolic'; readonly clauses: readonly Clause[] };

/** `u+x`: whose bits, what is done, with which bits. */
interface Clause {
  readonly who: ReadonlySet<Who>;
  readonly operator: '+' | '-' | '=';
  /** `r`, `w`, `x`, `X`, `s`, `t`, or one of `u`, `g`, `o` to copy from. */
  readonly permissions: string;
}

type Who = 'u' | 'g' | 'o';

const everyone: readonly Who[] = ['u', 'g', 'o'];
/** How far the three bits of each are from the right. */
const shift: Readonly<Record<Who, number>> = { u: 6, g: 3, o: 0 };
/** The bit that each has beside them: set-user-id, set-group-id, and the sticky bit, which chmod(1) counts to the others. */
const special: Readonly<Record<Who, number>> = { u: 0o4000, g: 0o2000, o: 0o1000 };

/**
 * Reads the value of --chmod: octal, 0 to 07777, or the symbolic modes of chmod(1) with a umask of 0. Refuses everything else with
 * `invalid-mode`.
 */
export function parseModeChange(text: string): ModeChange {
  if (/^[0-7]{1,5}$/.test(text) && Number.parseInt(text, 8) <= 0o7777) {
    return { kind: 'octal', mode: Number.parseInt(text, 8) };
  }
  const clauses = text.split(',').flatMap((part) => parseClauses(part) ?? [undefined]);
  const valid = clauses.filter((clause) => clause !== undefined);
  if (valid.length !== clauses.length) {
    throw new Refusal(
      'invalid-mode',
      `Cannot use "${text}" as --chmod: it is neither an octal number between 0 and 07777 nor a symbolic mode`,
      'Write for example --chmod=755 or --chmod=u=rwX,go=rX',
    );
  }
  return { kind: 'symbolic', clauses: valid };
}

/** The mode that a file of this mode gets. Symbolic changes are applied from left to right. (chmod(1)) */
export function changeMode(change: ModeChange, mode: number, isDirectory: boolean): number {
  if (change.kind === 'octal') {
    return change.mode;
  }
  return change.clauses.reduce((current, clause) => applyClause(clause, current, isDirectory), mode & 0o7777);
}

/** `u+x`, and `u+x-w`: several operators may follow one who. */
function parseClauses(part: string): Clause[] | undefined {
  const match = /^([ugoa]*)((?:[-+=](?:[ugo]|[rwxXst]*))+)$/.exec(part);
  if (match === null) {
    return undefined;
  }
  const [, whoText = '', actions = ''] = match;
  const who = new Set(everyone.filter((one) => whoText === '' || whoText.includes('a') || whoText.includes(one)));
  return [...actions.matchAll(/([-+=])([^-+=]*)/g)].map(([, operator = '', permissions = '']) => ({
    who,
    operator: operator === '+' ? '+' : operator === '-' ? '-' : '=',
    permissions,
  }));
}

function applyClause({ who, operator, permissions }: Clause, mode: number, isDirectory: boolean): number {
  let bits = 0;
  let affected = 0;
  for (const one of who) {
    bits |= bitsFor(one, permissions, { mode, isDirectory });
    affected |= (0o7 << shift[one]) | special[one];
  }
  switch (operator) {
    case '+':
      return mode | bits;
    case '-':
      return mode & ~bits;
    case '=':
      // As chmod(1) does, set-id bits of a folder stay unless they are named.
      return (mode & ~(isDirectory ? affected & ~0o6000 : affected)) | bits;
    default:
      return operator;
  }
}

interface Present {
  readonly mode: number;
  readonly isDirectory: boolean;
}

function bitsFor(one: Who, permissions: string, { mode, isDirectory }: Present): number {
  if (permissions === 'u' || permissions === 'g' || permissions === 'o') {
    return ((mode >> shift[permissions]) & 0o7) << shift[one];
  }
  const execute = permissions.includes('x') || (permissions.includes('X') && (isDirectory || (mode & 0o111) !== 0));
  const triple = (permissions.includes('r') ? 4 : 0) | (permissions.includes('w') ? 2 : 0) | (execute ? 1 : 0);
  return (triple << shift[one]) | (permissions.includes(one === 'o' ? 't' : 's') ? special[one] : 0);
}
