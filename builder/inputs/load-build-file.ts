import { stat } from 'node:fs/promises';
import type { Source } from '../../parser/syntax/span.ts';
import type { RegistryClient } from '../../registry/distribution/client.ts';
import { inputFile } from '../../registry/oci/files/input-file.ts';
import { unreachable } from '../../registry/oci/unreachable.ts';
import { UsageError } from '../contract/errors.ts';
import type { ContainerfileLocation } from '../settings/containerfile-location.ts';
import { isRemoteLocation } from '../settings/context-location.ts';
import type { Settings } from '../settings/settings.ts';
import { containerfileText } from './containerfile-text.ts';
import type { FetchedContext, FetchedContexts } from './fetched-contexts.ts';
import { placeInside } from './inside-folder.ts';
import {
  type ContainerfileReaders,
  defaultNames,
  type LoadedContainerfile,
  loadContainerfile,
  readSource,
  requireFolder,
} from './load-containerfile.ts';
import { containerfileReaders } from './readers.ts';

/** What reading the Containerfile of a build needs when it, or its context, is elsewhere. */
export interface LoadServices {
  readonly options: Settings;
  readonly client: () => Promise<RegistryClient>;
  readonly fetched: () => Promise<FetchedContexts>;
  readonly signal: AbortSignal;
}

/** True when the Containerfile can be read without asking anybody: neither it nor the context that it may be in is elsewhere. */
export function isLocalBuild({ context, files }: Settings): boolean {
  return !isRemoteLocation(context) && !files.some(({ kind }) => kind === 'http');
}

/** Reads the Containerfile; the context must exist even if no step looks into it, because a typing error there is no small thing. */
export async function loadBuildFile(services: LoadServices): Promise<LoadedContainerfile> {
  const { options } = services;
  const location = options.context;
  const readers = containerfileReaders(options, services);
  if (!isRemoteLocation(location)) {
    const directory = location.kind === 'directory' ? location.path : undefined;
    if (directory !== undefined) await requireFolder(directory);
    return loadContainerfile(options, directory, readers);
  }
  const context = await (await services.fetched()).get(location, undefined);
  if (context.containerfile !== undefined) return alone('Containerfile', context.containerfile);
  if (options.text !== undefined) return alone('Containerfile', options.text);
  if (options.files.length === 0) return findDefault(context, options.contextName, services.signal);
  const sources: Source[] = [];
  for (const file of options.files) sources.push(await readFetched(file, { context, signal: services.signal, readers }));
  return { sources, path: undefined };
}

interface FetchedReading {
  readonly context: FetchedContext;
  readonly readers: ContainerfileReaders;
  readonly signal: AbortSignal;
}

async function readFetched(file: ContainerfileLocation, { context, readers, signal }: FetchedReading): Promise<Source> {
  return file.kind === 'file' ? readInside(context, file.path, signal) : readSource(file, readers);
}

function alone(name: string, text: string): LoadedContainerfile {
  return { sources: [{ name, text }], path: undefined };
}

async function findDefault({ folder }: FetchedContext, context: string, signal: AbortSignal): Promise<LoadedContainerfile> {
  for (const name of defaultNames) {
    const text = await readIfInside(folder, name, signal);
    if (text !== undefined) return alone(name, text);
  }
  const shown =
    context === '-' ? 'the archive on standard input' : `"${context.replace(/\/\/[^/@]*@/, '//').replace(/\?.*$/s, '')}"`;
  throw new UsageError(
    '--file',
    `Cannot find a Containerfile: ${shown} holds neither ${defaultNames.slice(0, 2).join(' nor ')}`,
    {
      hint: 'Name it with -f, by its path inside the context',
    },
  );
}

/** As with docker the path is one inside the context; as with buildah a local file does too, when the context has none of that name. */
async function readInside({ folder }: FetchedContext, file: string, signal: AbortSignal): Promise<Source> {
  const text = (await readIfInside(folder, file, signal)) ?? (await readLocal(file, signal));
  if (text !== undefined) return { name: file, text };
  throw new UsageError('--file', `Cannot read Containerfile "${file}": the context does not hold it, nor is it a local file`, {
    hint: 'Paths are relative to the top of the context that is fetched',
  });
}

async function readIfInside(folder: string, file: string, signal: AbortSignal): Promise<string | undefined> {
  const place = await placeInside(folder, file);
  switch (place.kind) {
    case 'missing':
      return undefined;
    case 'outside':
      throw new UsageError('--file', `Cannot read Containerfile "${file}": it is a link that leads out of the context`);
    case 'inside':
      if (!(await stat(place.path)).isFile()) {
        throw new UsageError('--file', `Cannot read Containerfile "${file}": it is no file`);
      }
      return containerfileText(inputFile(place.path), { what: `Containerfile "${file}"`, signal });
    default:
      return unreachable(place);
  }
}

async function readLocal(file: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    return await containerfileText(inputFile(file), { what: `Containerfile "${file}"`, signal });
  } catch (error) {
    if (error instanceof UsageError || error === signal.reason) throw error;
    // Whatever is wrong with it: it was only the second guess.
    return undefined;
  }
}
