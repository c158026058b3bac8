import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { byName } from '../../../registry/oci/text/sort-order.ts';
import { hasErrno } from '../../../registry/oci/thrown.ts';
import { type CdiDevice, type CdiSpec, readCdiSpec } from './cdi-spec.ts';

/** Where CDI specifications are, unless someone says otherwise; what a later folder has wins. */
export const defaultSpecDirectories: readonly string[] = ['/etc/cdi', '/var/run/cdi'];

/** The devices that this machine describes. */
export interface CdiRegistry {
  /** By `vendor/class=name`, sorted. */
  readonly devices: ReadonlyMap<string, RegisteredDevice>;
  /** What could not be read, one sentence each: such a file registers nothing. */
  readonly problems: readonly string[];
}

export interface RegisteredDevice {
  /** `vendor/class=name`. */
  readonly name: string;
  readonly spec: CdiSpec;
  readonly device: CdiDevice;
  /** The file of the specification. */
  readonly file: string;
}

/**
 * Reads all specifications. A folder that is not there holds none; a file that is wrong is a problem and holds none. A device that two
 * files of one folder describe is a problem and not registered: nobody knows which one is meant.
 */
export async function readCdiRegistry(directories: readonly string[]): Promise<CdiRegistry> {
  const devices = new Map<string, RegisteredDevice>();
  const problems: string[] = [];
  for (const directory of directories) {
    const found = new Map<string, RegisteredDevice[]>();
    for (const file of await specFiles(directory, problems)) {
      for (const device of await devicesOf(file, problems)) found.set(device.name, [...(found.get(device.name) ?? []), device]);
    }
    for (const [name, candidates] of found) {
      const [only, ...others] = candidates;
      if (only !== undefined && others.length === 0) devices.set(name, only);
      else {
        devices.delete(name);
        problems.push(`${name} is described by ${candidates.map(({ file }) => `"${file}"`).join(' and ')}`);
      }
    }
  }
  return { devices: new Map([...devices].toSorted(byName)), problems };
}

async function specFiles(directory: string, problems: string[]): Promise<readonly string[]> {
  try {
    const names = await readdir(directory);
    return names
      .filter((name) => /\.(?:json|ya?ml)$/.test(name))
      .toSorted()
      .map((name) => join(directory, name));
  } catch (error) {
    if (!hasErrno(error, 'ENOENT')) problems.push(`"${directory}" cannot be read: ${firstLineOf(error)}`);
    return [];
  }
}

async function devicesOf(file: string, problems: string[]): Promise<readonly RegisteredDevice[]> {
  try {
    const spec = readCdiSpec(await parseFile(file));
    return spec.devices.map((device) => ({ name: `${spec.kind}=${device.name}`, spec, device, file }));
  } catch (error) {
    problems.push(`"${file}" is not a CDI specification: ${firstLineOf(error)}`);
    return [];
  }
}

async function parseFile(file: string): Promise<unknown> {
  const text = await readFile(file, 'utf8');
  if (file.endsWith('.json')) return JSON.parse(text);
  const { parse } = await import('yaml');
  return parse(text);
}

/** The first line: YAML's errors show the place in the lines that follow. */
function firstLineOf(error: unknown): string {
  if (error instanceof Error) return error.message.split('\n')[0] ?? '';
  throw error;
}
