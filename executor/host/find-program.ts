import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

/** The path of a program in the absolute folders of a PATH; undefined when none of them has one that this user may execute. */
export function findProgram(name: string, searchPath = '/usr/bin:/bin'): string | undefined {
  return searchPath
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((candidate) => isAbsolute(candidate) && isExecutable(candidate));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    // Not there or not for us: the next folder of PATH may have it.
    return false;
  }
}
