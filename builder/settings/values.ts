import { UsageError } from '../contract/errors.ts';
import { shown } from '../contract/shown.ts';
import { type OptionPlace, type Rule, wrongKind, wrongText } from './rule.ts';

/** A text, of any content but NUL, with which system calls, environments and names of files end early. */
export function text(value: unknown, place: OptionPlace): asserts value is string {
  if (typeof value !== 'string') throw wrongKind(value, place, 'text');
  if (value.includes('\0')) throw new UsageError(place.flag, `Cannot use the option "${place.option}": it holds a NUL`);
}

/** The same of at least one character. */
export function someText(value: unknown, place: OptionPlace): asserts value is string {
  text(value, place);
  if (value === '') throw new UsageError(place.flag, `Cannot use ${place.flag} "": it is empty`);
}

/** A name: on one line, and nothing that a terminal obeys. */
export function name(value: unknown, place: OptionPlace): asserts value is string {
  if (typeof value !== 'string') throw wrongKind(value, place, 'text');
  if (value === '' || /\p{Cc}/u.test(value)) throw wrongText(value, place, 'a name without control characters');
}

/** A name that ends at the first `=` where it is used. */
export function variableName(value: unknown, place: OptionPlace): void {
  name(value, place);
  if (value.includes('=')) throw wrongText(value, place, 'a name without "="');
}

/** Texts that `parse` reads: it throws UsageError for others. */
export function parsedBy(parse: (text: string) => unknown): Rule {
  return (value, place) => {
    text(value, place);
    parse(value);
  };
}

/** Texts of a form that is told in words. */
export function matching(pattern: RegExp, expected: string): Rule {
  return (value, place) => {
    if (typeof value !== 'string') throw wrongKind(value, place, 'text');
    if (!pattern.test(value)) throw wrongText(value, place, expected);
  };
}

export function boolean(value: unknown, place: OptionPlace): void {
  if (typeof value !== 'boolean') throw wrongKind(value, place, 'true or false');
}

/** Whole numbers of at least `least`, which are exact. */
export function wholeNumber(least: number): Rule {
  return (value, place) => {
    if (typeof value !== 'number') throw wrongKind(value, place, `a whole number of at least ${least}`);
    if (Number.isSafeInteger(value) && value >= least) return;
    throw new UsageError(
      place.flag,
      `Cannot use ${value} as the option "${place.option}": expected a whole number of at least ${least}`,
    );
  };
}

export function word(...words: readonly string[]): Rule {
  const expected = `${words.slice(0, -1).join(', ')}${words.length > 1 ? ' or ' : ''}${words.at(-1)}`;
  return (value, place) => {
    if (typeof value !== 'string') throw wrongKind(value, place, expected);
    if (!words.includes(value)) {
      throw new UsageError(place.flag, `Cannot use ${place.flag} ${shown(value)}: expected ${expected}`);
    }
  };
}

/** Anything with a method of that name, such as a stream. */
export function withMethod(method: string | symbol, expected: string): Rule {
  return (value, place) => {
    const found: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, method) : undefined;
    if (typeof found !== 'function') throw wrongKind(value, place, expected);
  };
}

export function callback(value: unknown, place: OptionPlace): void {
  if (typeof value !== 'function') throw wrongKind(value, place, 'a function');
}
