import { existsSync } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import type { MountSyntax, StageInstruction } from '../../parser/syntax/containerfile.ts';
import { hasErrno } from '../../registry/oci/thrown.ts';
import { UsageError } from '../contract/errors.ts';
import type { SelectedStage } from '../plan/stages/selection.ts';
import type { Tell } from '../session/tell.ts';
import type { Settings } from '../settings/settings.ts';
import { type Volume, volumeNotices } from '../settings/volume.ts';
import { systemReason } from '../show/system-reason.ts';

/** Folders that nobody gives away on purpose; podman's list. The home folder of the user belongs to it too. */
const precious = new Set(
  ['', 'bin', 'boot', 'dev', 'etc', 'home', 'lib', 'lib64', 'media', 'opt', 'proc', 'root', 'run', 'sbin', 'srv', 'sys', 'tmp']
    .concat(['usr', 'var', 'etc/passwd', 'etc/pki', 'var/lib', 'var/log'])
    .map((name) => `/${name}`),
);

/** Tells what words of volumes do not do here. @throws UsageError for what should not be given to the user of a command */
export async function checkVolumes(
  { run: { volumes }, environment }: Pick<Settings, 'run' | 'environment'>,
  stages: readonly SelectedStage[],
  tell: Tell,
): Promise<void> {
  const machine = { hasSelinux: existsSync('/sys/fs/selinux/enforce') };
  for (const message of [...volumeNotices(volumes, machine), ...mountNotices(stages, machine)]) {
    tell({ kind: 'notice', message });
  }
  const homes = await Promise.all([passwdHome(), environment['HOME'] ?? '/'].map(placeOf));
  for (const { source, isGiven, isOverlay } of volumes.map(({ mount }) => mount)) {
    if (isGiven !== true || isOverlay === true) continue;
    const place = await placeOf(source);
    if (!precious.has(place) && !homes.includes(place)) continue;
    throw new UsageError('--volume', `Cannot give the volume "${source}" to the command's user: the machine needs it as it is`, {
      hint: 'Leave U out, or add O: an overlay is given without the source',
    });
  }
}

/**
 * What the builder may not see is left to the worker, which reaches folders of subordinate ids.
 *
 * @throws UsageError for a volume that nothing is at
 */
export async function checkVolumeSources(volumes: readonly Volume[]): Promise<void> {
  for (const { source } of volumes.map(({ mount }) => mount)) {
    try {
      await stat(source);
    } catch (error) {
      if (hasErrno(error, 'EACCES', 'EPERM')) continue;
      throw new UsageError('--volume', `Cannot mount volume "${source}": ${systemReason(error)}`, {
        hint: 'Check --volume: a source that is not there is not made',
        cause: error,
      });
    }
  }
}

/**
 * What words of mounts do not do here, as a notice: those of the stages that are built, with the triggers that their bases bring and those that they
 * leave. Where SELinux is off there is nothing to say.
 *
 * Exported for tests.
 */
export function mountNotices(
  stages: readonly Pick<SelectedStage, 'body'>[],
  { hasSelinux }: { readonly hasSelinux: boolean },
): readonly string[] {
  const mounts = stages.flatMap(({ body }) => body.flatMap(({ instruction }) => mountsOf(instruction)));
  const isLabelled = mounts.some(({ fields }) => fields.some(({ key }) => key === 'z'));
  return hasSelinux && isLabelled
    ? ['Mounts keep their SELinux labels, in spite of "z": commands have the label of your own processes']
    : [];
}

function mountsOf(instruction: StageInstruction): readonly MountSyntax[] {
  if (instruction.kind === 'onbuild') return mountsOf(instruction.trigger);
  return 'mounts' in instruction ? instruction.mounts : [];
}

/** Users without a passwd entry have none. */
function passwdHome(): string {
  try {
    return userInfo().homedir;
  } catch {
    return '/';
  }
}

/** Without links; what does not exist is what it is called. */
async function placeOf(path: string): Promise<string> {
  return realpath(path).catch(() => path);
}
