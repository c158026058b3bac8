import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A rule, how it would be broken, and which tests then have to fail. */
export interface Mutation {
  readonly rule: string;
  /** Relative to the checkout. */
  readonly file: string;
  /** Text that occurs once in the file, and what it becomes. */
  readonly from: string;
  readonly to: string;
  /** Parts of paths of test files, as for `npm test --`. */
  readonly tests: readonly string[];
}

/** The file's text with the mutation. Throws for text that does not occur exactly once: the rule is written in another way by now. */
export function mutated({ file, from, to, rule }: Mutation, root: string): string {
  const text = readFileSync(join(root, file), 'utf8');
  const count = text.split(from).length - 1;
  if (count !== 1) throw new Error(`Cannot break "${rule}": its text occurs ${count} times in ${file}: ${from}`);
  return text.replace(from, () => to);
}
