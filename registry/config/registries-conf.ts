import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { RegistryError } from '../errors/registry-error.ts';
import { inputText } from '../oci/files/input-file.ts';
import { isMissing, reasonOf } from '../oci/thrown.ts';
import type { Environment } from './proxy.ts';
import { decodeRegistriesConf, type RegistriesDocument, type RegistryRule } from './registries-document.ts';

/** What registries.conf and its drop-ins say, merged. (containers-registries.conf(5), version 2) */
export interface RegistriesConf {
  readonly rules: readonly RegistryRule[];
  /** Registries in which short names are looked for, in this order. */
  readonly search: readonly string[];
  /** Short name to full name. */
  readonly aliases: ReadonlyMap<string, string>;
}

/**
 * Reads CONTAINERS_REGISTRIES_CONF alone, or the user's file, else the system's, and then the drop-ins, where the later one wins.
 *
 * @throws RegistryError `configuration` that names file and line
 */
export async function loadRegistriesConf(environment: Environment, signal?: AbortSignal): Promise<RegistriesConf> {
  const documents: RegistriesDocument[] = [];
  for (const alternatives of await filesOf(environment)) {
    const document = await firstPresent(alternatives, signal);
    if (document !== undefined) documents.push(document);
  }
  return merge(documents);
}

/** Lists of files, of each of which the first that is there is read. */
async function filesOf(environment: Environment): Promise<readonly (readonly string[])[]> {
  const only = environment['CONTAINERS_REGISTRIES_CONF'];
  if (only !== undefined && only !== '') return [[only]];
  const home = environment['XDG_CONFIG_HOME'] || (environment['HOME'] && path.join(environment['HOME'], '.config'));
  const user = home ? path.join(home, 'containers') : undefined;
  const main = [...(user === undefined ? [] : [path.join(user, 'registries.conf')]), '/etc/containers/registries.conf'];
  const folders = ['/etc/containers/registries.conf.d', ...(user === undefined ? [] : [path.join(user, 'registries.conf.d')])];
  const dropIns = await Promise.all(folders.map(confFilesIn));
  return [main, ...dropIns.flat().map((file) => [file])];
}

/** Each file is read once: what is a pipe is empty afterwards. */
async function firstPresent(files: readonly string[], signal: AbortSignal | undefined): Promise<RegistriesDocument | undefined> {
  for (const file of files) {
    const text = await readOptional(file, signal);
    if (text !== undefined) return decode(text, file);
  }
  return undefined;
}

async function confFilesIn(folder: string): Promise<readonly string[]> {
  try {
    const names = (await readdir(folder)).filter((name) => name.endsWith('.conf')).toSorted();
    return names.map((name) => path.join(folder, name));
  } catch (error) {
    if (isAbsence(error)) return [];
    throw unreadable(folder, reasonOf(error));
  }
}

async function readOptional(file: string, signal: AbortSignal | undefined): Promise<string | undefined> {
  try {
    return await inputText(file, signal);
  } catch (error) {
    signal?.throwIfAborted();
    if (isAbsence(error)) return undefined;
    throw unreadable(file, reasonOf(error));
  }
}

function isAbsence(error: unknown): boolean {
  return isMissing(error);
}

function decode(text: string, file: string): RegistriesDocument {
  try {
    return decodeRegistriesConf(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw unreadable(file, error.message);
    throw error;
  }
}

function unreadable(file: string, why: string): RegistryError {
  return new RegistryError('configuration', `Cannot read "${file}": ${why}`, {
    side: 'client',
    hint: 'Mend the file, or name another one in CONTAINERS_REGISTRIES_CONF',
  });
}

function merge(documents: readonly RegistriesDocument[]): RegistriesConf {
  const rules = new Map(documents.flatMap((document) => document.rules).map((rule) => [rule.prefix, rule]));
  return {
    rules: [...rules.values()],
    search: documents.findLast((document) => document.search !== undefined)?.search ?? [],
    aliases: new Map(documents.flatMap((document) => [...document.aliases])),
  };
}
