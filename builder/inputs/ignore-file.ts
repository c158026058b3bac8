import { lstatSync } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { ContainerfileError } from '../../parser/mistakes/errors.ts';
import { inputFile } from '../../registry/oci/files/input-file.ts';
import { isAtOrBelow } from '../../registry/oci/text/path-below.ts';
import { hasErrno } from '../../registry/oci/thrown.ts';
import { UsageError } from '../contract/errors.ts';
import { IgnoreRules, parseIgnoreFile } from '../patterns/ignore.ts';
import { systemReason } from '../show/system-reason.ts';
import { containerfileText } from './containerfile-text.ts';

interface IgnoreFileChoice {
  /** Absolute path of the context's folder. */
  readonly root: string;
  /** Absolute path of the Containerfile, when it is a file on this machine. */
  readonly containerfile: string | undefined;
  /** --ignorefile, absolute. */
  readonly ignoreFile: string | undefined;
  readonly signal: AbortSignal;
}

/**
 * Finds and reads the ignore rules of a context: --ignorefile, else `<Containerfile>.dockerignore` or `.containerignore` beside the
 * Containerfile, else `.containerignore` or `.dockerignore` in the context. The first that exists counts alone.
 *
 * @throws ContainerfileError for patterns that are wrong, a UsageError for an --ignorefile that cannot be read
 */
export async function readIgnoreRules(choice: IgnoreFileChoice): Promise<IgnoreRules> {
  if (choice.ignoreFile !== undefined) {
    return parsed(path.basename(choice.ignoreFile), await readChosen(choice.ignoreFile, choice.signal));
  }
  const { containerfile } = choice;
  if (containerfile !== undefined) {
    for (const suffix of ['.dockerignore', '.containerignore']) {
      const text = await readBeside(containerfile + suffix, choice);
      if (text !== undefined) return parsed(path.basename(containerfile) + suffix, text);
    }
  }
  for (const name of ['.containerignore', '.dockerignore']) {
    const text = await readInside(name, choice);
    if (text !== undefined) return parsed(name, text);
  }
  return IgnoreRules.none;
}

function parsed(name: string, text: string): IgnoreRules {
  const { rules, diagnostics } = parseIgnoreFile({ name, text });
  if (diagnostics.length > 0) throw new ContainerfileError(diagnostics, [{ name, text }]);
  return rules;
}

async function readChosen(file: string, signal: AbortSignal): Promise<string> {
  try {
    return await containerfileText(inputFile(file), { what: `ignore file "${file}"`, flag: '--ignorefile', signal });
  } catch (error) {
    if (error instanceof UsageError || error === signal.reason) throw error;
    throw new UsageError('--ignorefile', `Cannot read ignore file "${file}": ${systemReason(error)}`, { cause: error });
  }
}

/** Beside a Containerfile that is in the context, the file is of the context too; beside one that the user named elsewhere it may be anywhere. */
async function readBeside(file: string, choice: IgnoreFileChoice): Promise<string | undefined> {
  const relative = path.relative(choice.root, file);
  const isInContext = !relative.startsWith('../') && !path.isAbsolute(relative);
  return isInContext ? readInside(relative, choice) : readIfFile(file, choice.signal);
}

/**
 * A link in the context that leads out of it is not followed, and a pipe in it is not waited for: the context may come from anywhere.
 */
async function readInside(name: string, { root, signal }: IgnoreFileChoice): Promise<string | undefined> {
  const file = path.join(root, name);
  try {
    // Most are not there, and every build looks for four of them, twice.
    if (lstatSync(file, { throwIfNoEntry: false }) === undefined) return undefined;
    const real = await realpath(file);
    const realRoot = await realpath(root);
    if (!isAtOrBelow(real, realRoot)) return undefined;
    const stats = await stat(real);
    if (!stats.isFile() && !stats.isDirectory()) {
      throw new UsageError('CONTEXT', `Cannot read ignore file "${file}": it is no regular file`);
    }
  } catch (error) {
    if (isNoFile(error)) return undefined;
    throw error;
  }
  return readIfFile(file, signal);
}

async function readIfFile(file: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    return await containerfileText(inputFile(file), { what: `ignore file "${file}"`, flag: 'CONTEXT', signal });
  } catch (error) {
    if (isNoFile(error)) return undefined;
    if (error instanceof UsageError || error === signal.reason) throw error;
    throw new UsageError('CONTEXT', `Cannot read ignore file "${file}": ${systemReason(error)}`, { cause: error });
  }
}

function isNoFile(error: unknown): boolean {
  return hasErrno(error, 'ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP');
}
