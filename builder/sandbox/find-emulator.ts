import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import path from 'node:path';
import type { Emulation } from '../../executor/protocol/actions.ts';
import { ownValue } from '../../registry/oci/own-value.ts';
import type { Platform } from '../../registry/oci/platform.ts';
import { UsageError } from '../contract/errors.ts';
import type { BuildOptions } from '../contract/options.ts';
import { hostPlatform } from '../plan/model/platforms.ts';

/** Processors by Go's names, as QEMU calls them where it calls them otherwise. */
const qemuNames: Readonly<Record<string, string>> = {
  amd64: 'x86_64',
  '386': 'i386',
  arm64: 'aarch64',
  mipsle: 'mipsel',
  mips64le: 'mips64el',
  loong64: 'loongarch64',
};

/** The key of an emulator that is for whatever is not this machine's. */
const anyArchitecture = '';

/**
 * What the worker must know to run commands of a platform: undefined for this machine's own. The emulator is the one that was asked for,
 * else a user-mode QEMU in PATH, which counts only where the machine has none registered. Throws UsageError for one that is not there.
 */
export async function findEmulation(platform: Platform, options: BuildOptions): Promise<Emulation | undefined> {
  const { architecture, os } = hostPlatform();
  if (platform.architecture === architecture && platform.os === os) return undefined;
  const { emulators = {} } = options;
  const chosen = ownValue(emulators, platform.architecture) ?? emulators[anyArchitecture];
  if (chosen === undefined) return { platform, emulator: await emulatorInPath(platform, options), isChosen: false };
  const emulator = path.resolve(chosen);
  if (!(await isProgram(emulator))) {
    throw new UsageError('--emulator', `Cannot use the emulator "${chosen}": there is no such program`);
  }
  return { platform, emulator, isChosen: true };
}

async function emulatorInPath(
  { architecture }: Platform,
  { environment = process.env }: BuildOptions,
): Promise<string | undefined> {
  const name = `qemu-${ownValue(qemuNames, architecture) ?? architecture}`;
  const folders = (environment['PATH'] ?? '').split(path.delimiter).filter((folder) => path.isAbsolute(folder));
  // Without the ending it may be linked dynamically, and then it does not run in a root without its libraries.
  for (const program of [`${name}-static`, name]) {
    for (const folder of folders) {
      const file = path.join(folder, program);
      if (await isProgram(file)) return file;
    }
  }
  return undefined;
}

async function isProgram(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}
