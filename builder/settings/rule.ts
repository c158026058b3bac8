import { UsageError } from '../contract/errors.ts';
import { quoted, shown } from '../contract/shown.ts';

/** Where a value stands: in which option (`outputs[0].destination`), and by which flag of the command line it is given. */
export interface OptionPlace {
  readonly option: string;
  readonly flag: string;
}

/** What an option may be: throws UsageError, naming the place, for anything else. */
export type Rule = (value: unknown, place: OptionPlace) => void;

/** The error for a value of the wrong kind, which only a program can give. */
export function wrongKind(value: unknown, { option, flag }: OptionPlace, expected: string): UsageError {
  const what = option === '' ? 'these options' : `the option "${option}"`;
  return new UsageError(flag, `Cannot use ${what}: expected ${expected}, found ${kindOf(value)}`);
}

/** The error for a text that an option cannot have, which the command line may give too. */
export function wrongText(text: string, { flag }: OptionPlace, expected: string): UsageError {
  return new UsageError(flag, `Cannot use ${flag} ${shown(text)}: expected ${expected}`);
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  if (value === undefined) return 'undefined';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
