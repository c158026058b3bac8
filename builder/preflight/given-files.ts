import { checkNamedFolders } from '../inputs/given-contexts.ts';
import { checkReadable } from '../secrets/readable-file.ts';
import { checkRegistryFiles } from '../secrets/registry-files.ts';
import { checkSecret } from '../secrets/secret-value.ts';
import type { Settings } from '../settings/settings.ts';

/**
 * Looks at all that options name on this machine, before anything is done: secrets, agents and keys, credentials, certificates, folders,
 * volumes, devices, emulators, profiles. What is only missed when a step asks for it is missed after an hour, and credentials that are not there look
 * like credentials that are wrong.
 *
 * @throws UsageError
 */
export async function checkGivenFiles(options: Settings): Promise<void> {
  const { secrets = {}, environment, ignoreFile } = options;
  await checkRegistryFiles(options);
  await checkNamedFolders(options);
  if (ignoreFile !== undefined) {
    await checkReadable('--ignorefile', ignoreFile, { kind: 'file', what: `ignore file "${ignoreFile}"` });
  }
  for (const id of Object.keys(secrets)) await checkSecret(id, { secrets, environment });
  await checkAgents(options);
  await checkForRuns(options);
}

async function checkAgents({ ssh = {}, environment }: Settings): Promise<void> {
  if (Object.keys(ssh).length === 0) return;
  const { checkAgent } = await import('../secrets/ssh-agent.ts');
  for (const source of Object.values(ssh)) await checkAgent({ source, callerSocket: environment['SSH_AUTH_SOCK'] });
}

/** What every RUN of a build gets. Most builds are given none of it. */
async function checkForRuns(options: Settings): Promise<void> {
  const { run, emulators = {} } = options;
  const { seccomp } = run.confinement;
  if (typeof seccomp === 'object') {
    await checkReadable('--security-opt', seccomp.path, { kind: 'file', what: `seccomp profile "${seccomp.path}"` });
  }
  if (run.volumes.length > 0) {
    const { checkVolumeSources } = await import('../sandbox/check-volumes.ts');
    await checkVolumeSources(run.volumes);
  }
  if (run.devices.length > 0) {
    const { checkGivenDevices } = await import('../sandbox/devices/resolve-devices.ts');
    await checkGivenDevices(options);
  }
  if (Object.keys(emulators).length > 0) {
    const { checkEmulators } = await import('../sandbox/find-emulator.ts');
    await checkEmulators(emulators);
  }
}
