import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from './repository.ts';

/** The files of the checkout, by path, that people have written: not packages, not what is compiled, nothing whose name begins with a dot. */
export function writtenFiles(folder = '.'): readonly string[] {
  return readdirSync(join(repositoryRoot, folder), { withFileTypes: true })
    .filter(({ name }) => isWritten(name))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? writtenFiles(path) : [path];
    });
}

/** The names in a folder that people have written. */
export function writtenNames(folder: string): readonly string[] {
  return readdirSync(join(repositoryRoot, folder))
    .filter((name) => isWritten(name))
    .toSorted();
}

/** All documents, by path. */
export function documents(): readonly string[] {
  return writtenFiles().filter((path) => path.endsWith('.md'));
}

function isWritten(name: string): boolean {
  return !/^(node_modules|dist|\..*)$/.test(name);
}
