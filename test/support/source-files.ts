import { readdirSync, readFileSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { repositoryRoot } from './repository.ts';

/** The TypeScript files below a folder of the repository, by their paths from its root. */
export function sourceFiles(folder: string): readonly string[] {
  const found: string[] = [];
  for (const entry of readdirSync(join(repositoryRoot, folder), { withFileTypes: true })) {
    const path = normalize(join(folder, entry.name));
    if (entry.isDirectory() && !/^(node_modules|dist|\..+)$/.test(entry.name)) found.push(...sourceFiles(path));
    if (entry.isFile() && entry.name.endsWith('.ts')) found.push(path);
  }
  return found.toSorted();
}

/** What a source file imports, types included, as it is written. */
export function importsOf(path: string): readonly string[] {
  return specifiersIn(readFileSync(join(repositoryRoot, path), 'utf8'));
}

export function specifiersIn(text: string): readonly string[] {
  const pattern = /^\s*(?:import|export)\b[^'";]*?\bfrom\s*'([^']+)'|^\s*import\s*'([^']+)'|\bimport\(\s*'([^']+)'\s*\)/gm;
  return [...withoutComments(text).matchAll(pattern)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

export function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
}
