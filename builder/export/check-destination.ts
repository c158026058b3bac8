import { constants } from 'node:fs';
import { access, readdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { isAtOrBelow } from '../../registry/oci/text/path-below.ts';
import { OutputError, UsageError } from '../contract/errors.ts';
import type { Output } from '../contract/options.ts';
import { indexFile, markerFile } from './layout-files.ts';
import { kindAt, outputFailure, pathBehindLinks } from './whole-output.ts';

/** What of an output says where it goes; how its image leaves is no matter here. */
export type OutputTarget = WithoutImage<Output>;

type WithoutImage<Given> = Given extends unknown ? Omit<Given, 'image'> : never;

/** Standard output as an output's destination. */
export type OutputStream = NodeJS.WritableStream & { readonly isTTY?: boolean };

/**
 * Refuses outputs that cannot be written, and files for the results, while that costs nothing: before the build. What only shows while
 * writing, such as a full disk, is found then.
 *
 * @throws OutputError, or UsageError for a terminal
 */
export async function checkDestinations(
  outputs: readonly OutputTarget[],
  { files = [], stdout }: { readonly files?: readonly string[]; readonly stdout?: OutputStream | undefined },
): Promise<void> {
  await refuseSharedPlaces(outputs, files);
  // Folders are written before anything that may lie in them.
  const made = outputs.filter(isFolder).map(({ destination }) => resolve(destination));
  for (const output of outputs) {
    if (!('destination' in output)) continue;
    if (output.destination === '-') refuseTerminal(output.kind, stdout);
    else if (output.kind === 'local') await checkTree(output.destination);
    else if (isFolder(output)) await checkLayout(output.destination);
    else await checkFile(output.destination, { made, what: output.kind === 'tar' ? 'a tar' : 'an archive' });
  }
  for (const file of files) await checkFile(file, { made, what: 'a file' });
}

/** Folders are added to; a file would be replaced by the next, and nobody would know. Devices and pipes take one after the other. */
async function refuseSharedPlaces(outputs: readonly OutputTarget[], files: readonly string[]): Promise<void> {
  const written = outputs.flatMap((output) => ('destination' in output && output.destination !== '-' ? [output] : []));
  const places = [
    ...written.map((output) => ({ destination: output.destination, kind: isFolder(output) ? output.kind : 'file' })),
    ...files.map((destination) => ({ destination, kind: 'file' })),
  ];
  const kinds = new Map<string, string>();
  for (const { destination, kind } of places) {
    const path = resolve(destination);
    const other = kinds.get(path);
    kinds.set(path, kind);
    if (other === undefined || (other === kind && kind !== 'file') || (await kindAt(destination)) === 'other') continue;
    throw new UsageError('--output', `Cannot write two results to "${destination}": one would replace the other`, {
      hint: 'Give each a place of its own',
    });
  }
}

/** @throws OutputError when a file cannot be written there, whole under another name first */
export async function checkFile(
  destination: string,
  { made = [], what = 'a file' }: { readonly made?: readonly string[]; readonly what?: string } = {},
): Promise<void> {
  const kind = await kindAt(destination);
  if (kind === 'folder') throw folderInTheWay(destination, what);
  // A pipe or a device has no temporary name.
  if (kind === 'other') return checkAccess(destination, destination, constants.W_OK);
  const parent = dirname(await pathBehindLinks(destination));
  if (kind === undefined && made.some((folder) => isAtOrBelow(resolve(parent), folder)) && (await kindAt(parent)) === undefined) {
    return;
  }
  await checkAccess(destination, parent, constants.W_OK | constants.X_OK);
}

/** The folder in which an image layout is to be written, and whether it is one already. @throws OutputError for any other folder */
export async function checkLayout(destination: string): Promise<'new' | 'layout'> {
  const kind = await kindAt(destination);
  if (kind === undefined) {
    await checkAccess(destination, dirname(destination), constants.W_OK | constants.X_OK);
    return 'new';
  }
  if (kind !== 'folder') throw new OutputError(destination, `Cannot write a folder to "${destination}": it is a file`);
  await checkAccess(destination, destination, constants.R_OK | constants.W_OK | constants.X_OK);
  const names = await readdir(destination);
  if (names.length === 0) return 'new';
  if (names.includes(markerFile) && (await kindAt(join(destination, indexFile))) !== undefined) return 'layout';
  throw new OutputError(destination, `Cannot write an image layout to "${destination}": the folder holds other files`, {
    hint: 'Name a new or empty folder, or one that is an image layout',
  });
}

function refuseTerminal(kind: Output['kind'], stdout: OutputStream | undefined): void {
  if (stdout !== undefined && stdout.isTTY !== true) return;
  const isTree = kind === 'tar';
  throw new UsageError('--output', `Cannot write ${isTree ? 'a tar' : 'an archive'} to the terminal`, {
    hint: `Redirect it: tsbuild ${isTree ? '-o - ... > files.tar' : '... > image.tar'}`,
  });
}

async function checkTree(destination: string): Promise<void> {
  const kind = await kindAt(destination);
  const flags = constants.W_OK | constants.X_OK;
  if (kind === undefined) return checkAccess(destination, await nearestFolder(resolve(destination)), flags);
  if (kind !== 'folder') throw new OutputError(destination, `Cannot write files to "${destination}": it is not a folder`);
  await checkAccess(destination, destination, flags);
}

/** The deepest folder on the way that is there: the others will be made. */
async function nearestFolder(path: string): Promise<string> {
  const parent = dirname(path);
  return (await kindAt(parent)) === undefined && parent !== path ? nearestFolder(parent) : parent;
}

async function checkAccess(destination: string, path: string, flags: number): Promise<void> {
  try {
    if ((flags & constants.X_OK) !== 0 && !(await stat(path)).isDirectory()) throw notFolder(destination, path);
    await access(path, flags);
  } catch (error) {
    throw outputFailure(destination, error);
  }
}

function notFolder(destination: string, path: string): OutputError {
  return new OutputError(destination, `Cannot write "${destination}": "${path}" is not a folder`);
}

/** Why no file can be written where a folder is. */
function folderInTheWay(destination: string, what: string): OutputError {
  const extension = what === 'a file' ? 'file' : 'image.tar';
  return new OutputError(destination, `Cannot write ${what} to "${destination}": it is a folder`, {
    hint: `Name a file: ${destination.replace(/\/$/, '')}/${extension}`,
  });
}

function isFolder(output: OutputTarget): output is Extract<OutputTarget, { kind: 'local' | 'oci' }> {
  return output.kind === 'local' || (output.kind === 'oci' && !output.isArchive);
}
