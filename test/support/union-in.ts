import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from './repository.ts';

/** The members of a union of words that a source file exports, in the order of the code. */
export function unionIn(source: string, type: string): readonly string[] {
  const text = readFileSync(join(repositoryRoot, source), 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
  const body = new RegExp(`export type ${type} =([^;]*);`).exec(text)?.[1] ?? '';
  return [...body.matchAll(/'([^']+)'/g)].map(([, word = '']) => word);
}
