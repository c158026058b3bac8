import { existsSync } from 'node:fs';
import { release } from 'node:os';
import { delimiter, join } from 'node:path';
import { type Requirement, requires } from './requires.ts';

/** The processor of the foreign busybox that test/setup.sh fetches. */
export const foreignArchitecture: 'arm64' | 'amd64' = process.arch === 'arm64' ? 'amd64' : 'arm64';

/** This machine's processor in Go's names. */
export const ownArchitecture: string = process.arch === 'x64' ? 'amd64' : process.arch;

/** The user-mode emulator of the foreign processor. */
export const foreignEmulator: string = foreignArchitecture === 'arm64' ? 'qemu-aarch64-static' : 'qemu-x86_64-static';

/** What a test needs that registers emulators in namespaces of its own. */
export function ownEmulators(...requirements: readonly Requirement[]): { readonly skip?: string } {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  return major * 1000 + minor >= 6007 ? requires(...requirements) : { skip: 'needs Linux 6.7' };
}

/** Where a program is; its bare name when it is in no folder of PATH. */
export function programPath(name: string): string {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? name;
}
