import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { Source } from '../../parser/syntax/span.ts';
import { inputFile } from '../../registry/oci/files/input-file.ts';
import { bareUrl } from '../../registry/oci/text/private-url.ts';
import { hasErrno } from '../../registry/oci/thrown.ts';
import { unreachable } from '../../registry/oci/unreachable.ts';
import { UsageError } from '../contract/errors.ts';
import type { ContainerfileLocation } from '../settings/containerfile-location.ts';
import type { Settings } from '../settings/settings.ts';
import { systemReason } from '../show/system-reason.ts';
import { containerfileText } from './containerfile-text.ts';
import { leadsOut } from './inside-context.ts';

/** Names that are tried in the context, in this order, when no file is named. */
export const defaultNames = ['Containerfile', 'Dockerfile', 'dockerfile'] as const;

interface LoadedSource extends Source {
  /** A link of the context leads out of it to this file. */
  readonly leadsOut?: boolean;
}

/** The files of instructions of a build, and where the first of them is (for its own ignore file). */
export interface LoadedContainerfile {
  readonly sources: readonly LoadedSource[];
  /** Absolute path of the first file; undefined for text, standard input and URLs. */
  readonly path: string | undefined;
}

/** How to read what is not a local file, and what ends the reading of all. */
export interface ContainerfileReaders {
  readonly signal: AbortSignal;
  readonly stdin: () => Promise<string>;
  readonly url: (url: string) => Promise<string>;
}

/**
 * Reads the Containerfile that the options name, or finds it in the context. Several files are returned in their order.
 *
 * @throws UsageError for a file that is missing, a folder, or unreadable
 */
export async function loadContainerfile(
  { text, files, contextName }: Pick<Settings, 'text' | 'files' | 'contextName'>,
  contextDirectory: string | undefined,
  readers: ContainerfileReaders,
): Promise<LoadedContainerfile> {
  if (text !== undefined) return { sources: [{ name: 'Containerfile', text }], path: undefined };
  if (files.length === 0) return await findDefault(contextDirectory, contextName, readers);
  const sources: LoadedSource[] = [];
  for (const file of files) {
    const isElsewhere = contextDirectory !== undefined && file.kind === 'file' && (await leadsOut(file.path, contextDirectory));
    sources.push({ ...(await readSource(file, readers)), leadsOut: isElsewhere });
  }
  const [first] = files;
  return { sources, path: first?.kind === 'file' ? path.resolve(first.path) : undefined };
}

/** Reads one file that an option names. @throws UsageError */
export async function readSource(file: ContainerfileLocation, readers: ContainerfileReaders): Promise<Source> {
  switch (file.kind) {
    case 'stdin':
      return { name: '-', text: await readers.stdin() };
    case 'http':
      return { name: bareUrl(file.url), text: await readers.url(file.url) };
    case 'file':
      return { name: file.path, text: await readText(file.path, { shown: file.path, ...readers }) };
    default:
      return unreachable(file);
  }
}

async function findDefault(
  directory: string | undefined,
  context: string,
  { signal }: ContainerfileReaders,
): Promise<LoadedContainerfile> {
  if (directory === undefined) {
    throw new UsageError('--file', 'Cannot find a Containerfile: the context is not a folder', { hint: 'Name it with -f' });
  }
  await requireFolder(directory, context);
  for (const name of defaultNames) {
    const file = path.join(directory, name);
    if (!(await exists(file))) continue;
    const shown = path.join(context, name);
    const isElsewhere = await leadsOut(file, directory);
    const text = await readText(file, { shown, signal });
    return { sources: [{ name: shown, text, leadsOut: isElsewhere }], path: file };
  }
  throw new UsageError(
    '--file',
    `Cannot find a Containerfile: "${context}" holds neither ${defaultNames.slice(0, 2).join(' nor ')}`,
    {
      hint: 'Name it with -f, or give the folder that holds it as the context',
    },
  );
}

/** @throws UsageError when a context is no folder that can be used; `shown` is what it is called */
export async function requireFolder(directory: string, shown: string = directory): Promise<void> {
  const hint = 'The context is the folder whose files COPY can take; for the current one write "."';
  const stats = await stat(directory).catch((error: unknown) => {
    throw new UsageError('CONTEXT', `Cannot use context "${shown}": ${systemReason(error)}`, { hint, cause: error });
  });
  if (!stats.isDirectory()) throw new UsageError('CONTEXT', `Cannot use context "${shown}": it is not a folder`, { hint });
}

async function exists(file: string): Promise<boolean> {
  try {
    await stat(file);
    return true;
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return false;
    throw unreadable(file, error);
  }
}

interface TextRequest {
  readonly shown: string;
  readonly signal: AbortSignal;
}

async function readText(file: string, { shown, signal }: TextRequest): Promise<string> {
  try {
    return await containerfileText(inputFile(file), { what: `Containerfile "${shown}"`, signal });
  } catch (error) {
    if (error instanceof UsageError || error === signal.reason) throw error;
    throw unreadable(shown, error);
  }
}

function unreadable(file: string, error: unknown): UsageError {
  const reason = hasErrno(error, 'ENOTDIR') ? 'a part of its path is not a folder' : systemReason(error);
  return new UsageError('--file', `Cannot read Containerfile "${file}": ${reason}`, { cause: error });
}
