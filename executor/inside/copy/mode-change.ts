import { Refusal } from '../request/failure.ts';

/** How --chmod changes modes. */
export type ModeChange =
  /** One mode for everything. */
  { readonly kind: 'octal'; readonly mode: number } | { readonly kind: 'symbolic'; readonly changes: readonly BitChange[] };

/** What is done to a mode, one after the other. */
type BitChange =
  | {
      readonly kind: 'set' | 'clear';
      readonly bits: number;
      /** `X`: of folders, and of files that somebody could execute before all changes. */
      readonly ifExecutable?: boolean;
    }
  /** `g=u`: the three bits of one for others. */
  | { readonly kind: 'copy'; readonly from: Who; readonly to: readonly Who[]; readonly operator: Operator };

type Who = 'u' | 'g' | 'o';
type Operator = '+' | '-' | '=';

const everyone: readonly Who[] = ['u', 'g', 'o'];
/** How far the three bits of each are from the right. */
const shift: Readonly<Record<Who, number>> = { u: 6, g: 3, o: 0 };
/** What belongs to whom. The sticky bit is nobody's. */
const owned: Readonly<Record<string, number>> = { u: 0o4700, g: 0o2070, o: 0o0007, a: 0o6777 };
const everybody = 0o6777;
const letters: Readonly<Record<string, number>> = { r: 0o444, w: 0o222, x: 0o111, s: 0o6000, t: 0o1000 };

/**
 * Reads the value of --chmod: octal, 0 to 07777, or the symbolic modes of chmod(1) with a umask of 0, in the reading of BSD, which is
 * BuildKit's: only `u`, `g`, `a` and nobody have `s` and `t`; `=` leaves the sticky bit; `g=u` leaves the set-id bits; `X` looks at the mode
 * before all changes, and `-X` is `-x`. Refuses everything else with `invalid-mode`.
 */
export function parseModeChange(text: string): ModeChange {
  if (/^[0-7]{1,5}$/.test(text) && Number.parseInt(text, 8) <= 0o7777) {
    return { kind: 'octal', mode: Number.parseInt(text, 8) };
  }
  const changes = text.split(',').map(changesOfClause);
  const valid = changes.filter((change) => change !== undefined);
  if (valid.length !== changes.length) {
    throw new Refusal(
      'invalid-mode',
      `Cannot use "${text}" as --chmod: it is neither an octal number between 0 and 07777 nor a symbolic mode`,
      'Write for example --chmod=755 or --chmod=u=rwX,go=rX',
    );
  }
  return { kind: 'symbolic', changes: valid.flat() };
}

/** The mode that a file of this mode gets. */
export function changeMode(change: ModeChange, mode: number, isDirectory: boolean): number {
  if (change.kind === 'octal') return change.mode;
  const wasExecutable = isDirectory || (mode & 0o111) !== 0;
  return change.changes.reduce((current, next) => applyChange(next, current, wasExecutable), mode & 0o7777);
}

/** `u+x`, and `u+x-w`: several operators may follow one who. */
function changesOfClause(clause: string): readonly BitChange[] | undefined {
  const [, whoText = '', actions] = /^([ugoa]*)((?:[-+=][rwxXstugo]*)+)$/.exec(clause) ?? [];
  if (actions === undefined) return undefined;
  const who = bitsOf(whoText, owned);
  return [...actions.matchAll(/([-+=])([^-+=]*)/g)].flatMap(([, sign, permissions = '']) =>
    changesOfAction(who, sign === '+' || sign === '-' ? sign : '=', permissions),
  );
}

/** `who` is 0 when nobody is named, who is then everybody. */
function changesOfAction(who: number, operator: Operator, permissions: string): readonly BitChange[] {
  const changes: BitChange[] = [];
  let reach = who;
  for (const [part] of permissions.matchAll(/[rwxXst]+|[ugo]/g)) {
    if (part.includes('t') && hasSpecial(reach)) {
      // From here on the sticky bit is named: without a who, nothing else is.
      reach |= 0o1000;
    }
    if (part === 'u' || part === 'g' || part === 'o') changes.push(copyOf(part, operator, reach));
    else changes.push(...changesOfLetters(part, operator, reach));
  }
  // Nothing, or nothing but `X`.
  const clears = operator === '=' && changes.every(({ kind }) => kind === 'set');
  return clears ? [{ kind: 'clear', bits: reach || everybody }, ...changes] : changes;
}

function changesOfLetters(part: string, operator: Operator, reach: number): readonly BitChange[] {
  const text = operator === '-' ? part.replaceAll('X', 'x') : part;
  const named = bitsOf(hasSpecial(reach) ? text : text.replaceAll(/[st]/g, ''), letters);
  const kind = operator === '-' ? 'clear' : 'set';
  return [
    ...(operator === '=' && named !== 0 ? [{ kind: 'clear', bits: reach || everybody } as const] : []),
    ...(named === 0 ? [] : [{ kind, bits: within(reach, named) } as const]),
    ...(text.includes('X') ? [{ kind, bits: within(reach, 0o111), ifExecutable: true } as const] : []),
  ];
}

function copyOf(from: Who, operator: Operator, reach: number): BitChange {
  return { kind: 'copy', from, operator, to: everyone.filter((one) => reach === 0 || (reach & (0o4 << shift[one])) !== 0) };
}

function applyChange(change: BitChange, mode: number, wasExecutable: boolean): number {
  if (change.kind === 'copy') return applyCopy(change, mode);
  if (change.ifExecutable === true && !wasExecutable) return mode;
  return change.kind === 'set' ? mode | change.bits : mode & ~change.bits;
}

function applyCopy({ from, to, operator }: Extract<BitChange, { kind: 'copy' }>, mode: number): number {
  const bits = (mode >> shift[from]) & 0o7;
  const spread = (triple: number): number => to.reduce((sum, one) => sum | (triple << shift[one]), 0);
  switch (operator) {
    case '+':
      return mode | spread(bits);
    case '-':
      return mode & ~spread(bits);
    case '=':
      return (mode & ~spread(0o7)) | spread(bits);
    default:
      return operator;
  }
}

/** The others alone have neither set-id bits nor the sticky bit. */
function hasSpecial(reach: number): boolean {
  return reach === 0 || (reach & ~0o7) !== 0;
}

function within(reach: number, bits: number): number {
  return reach === 0 ? bits : reach & bits;
}

function bitsOf(text: string, meaning: Readonly<Record<string, number>>): number {
  return text.split('').reduce((bits, letter) => bits | (meaning[letter] ?? 0), 0);
}
