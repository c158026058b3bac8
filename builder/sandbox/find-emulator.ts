import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import path from 'node:path';
import { findProgram } from '../../executor/host/find-program.ts';
import type { Emulation } from '../../executor/protocol/actions.ts';
import { ownValue } from '../../registry/oci/own-value.ts';
import type { Platform } from '../../registry/oci/platform.ts';
import { namesInQemu } from '../../registry/oci/processor-names.ts';
import { UsageError } from '../contract/errors.ts';
import { hostPlatform } from '../contract/platforms.ts';
import type { Settings } from '../settings/settings.ts';

/** The key of an emulator that is for whatever is not this machine's. */
const anyArchitecture = '';

/**
 * What the worker must know to run commands of a platform: undefined for this machine's own. The emulator is the one that was asked for,
 * else a user-mode QEMU in PATH, which counts only where the machine has none registered.
 *
 * @throws UsageError for one that is not there
 */
export async function findEmulation(
  platform: Platform,
  options: Pick<Settings, 'emulators' | 'environment'>,
): Promise<Emulation | undefined> {
  const { architecture, os } = hostPlatform();
  if (platform.architecture === architecture && platform.os === os) return undefined;
  const { emulators = {} } = options;
  const chosen = ownValue(emulators, platform.architecture) ?? emulators[anyArchitecture];
  if (chosen === undefined) return { platform, emulator: emulatorInPath(platform, options), isChosen: false };
  return { platform, emulator: await programAt(chosen), isChosen: true };
}

/** @throws UsageError for an emulator that is not there, whatever it is for: it may be missed after an hour, or in another job */
export async function checkEmulators(emulators: Readonly<Record<string, string>>): Promise<void> {
  for (const file of Object.values(emulators)) await programAt(file);
}

async function programAt(file: string): Promise<string> {
  const program = path.resolve(file);
  if (await isProgram(program)) return program;
  throw new UsageError('--emulator', `Cannot use the emulator "${file}": there is no such program`);
}

function emulatorInPath({ architecture }: Platform, { environment }: Pick<Settings, 'environment'>): string | undefined {
  const name = `qemu-${ownValue(namesInQemu, architecture) ?? architecture}`;
  // Without the ending it may be linked dynamically, and then it does not run in a root without its libraries.
  return [`${name}-static`, name]
    .map((program) => findProgram(program, environment['PATH'] ?? ''))
    .find((file) => file !== undefined);
}

async function isProgram(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}
