import { UsageError } from '../../contract/errors.ts';

/** The value of a flag that takes one of a few words. @throws UsageError listing them */
export function oneOf<T extends string>(flag: string, text: string | undefined, words: readonly T[]): T | undefined {
  if (text === undefined) return undefined;
  const found = words.find((word) => word === text);
  if (found !== undefined) return found;
  throw new UsageError(flag, `Cannot use ${flag} ${text}: expected ${words.slice(0, -1).join(', ')} or ${words.at(-1)}`);
}
