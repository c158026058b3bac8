import type { IdleFlag, RefusedFlag } from './flag.ts';

const notYet = 'not supported yet';
const noDaemon = 'tsbuild has no daemon';
const ownSandbox = 'the sandbox of RUN is always the same';

/** The values that ask for nothing. */
const ifOn = { pattern: /^(true|1)$/, words: 'true' };
const ifOff = { pattern: /^(false|0)$/, words: 'false' };

/** What docker, buildah and kaniko have for `build`, and tsbuild cannot follow. */
export const refusedByBuild: readonly RefusedFlag[] = [
  {
    long: '--load',
    reason: `${noDaemon} to load into`,
    hint: 'Use --output type=docker,dest=- and pipe it into "docker load" or "podman load"',
  },
  {
    long: '--cache-from',
    value: 'SPEC',
    reason: `caches outside of the store are ${notYet}`,
    hint: 'Keep the store between builds: --store',
  },
  {
    long: '--cache-to',
    value: 'SPEC',
    reason: `caches outside of the store are ${notYet}`,
    hint: 'Keep the store between builds: --store',
  },
  {
    long: '--attest',
    value: 'SPEC',
    reason: `attestations are ${notYet}`,
    idle: { pattern: /(^|,)disabled=true(,|$)/, words: 'disabled=true' },
  },
  { long: '--sbom', value: 'SPEC', reason: `bills of materials are ${notYet}`, idle: ifOff },
  { long: '--provenance', value: 'SPEC', reason: `provenance is ${notYet}`, idle: ifOff },
  { long: '--builder', value: 'NAME', reason: noDaemon, idle: { pattern: /^(default)?$/, words: 'default' } },
  {
    long: '--manifest',
    value: 'NAME',
    reason: 'a build adds to no list',
    hint: 'Use --platform A,B, or "tsbuild manifest create"',
  },
  {
    long: '--creds',
    value: 'USER:PASSWORD',
    reason: 'a password on the command line can be read by every user of the machine',
    hint: 'Use --authfile or "tsbuild login"',
  },
  {
    long: '--layers',
    reason: 'every instruction has its layer',
    hint: 'Use --squash',
    idle: ifOn,
  },
  {
    long: '--http-proxy',
    reason: 'proxies of the environment reach RUN, without user and password',
    hint: 'Unset them for tsbuild',
    idle: ifOn,
  },
  {
    long: '--skip-unused-stages',
    reason: 'stages that the target does not need are never built',
    hint: 'Use --target, once for each',
    idle: ifOn,
  },
  { long: '--pull-always', reason: 'it is a value here', hint: 'Use --pull=always' },
  { long: '--pull-never', reason: 'it is a value here', hint: 'Use --pull=never' },
  { long: '--os', value: 'OS', reason: 'a platform is named as a whole', hint: 'Use --platform OS/ARCH' },
  { long: '--arch', value: 'ARCH', reason: 'a platform is named as a whole', hint: 'Use --platform OS/ARCH' },
  { long: '--variant', value: 'VARIANT', reason: 'a platform is named as a whole', hint: 'Use --platform OS/ARCH/VARIANT' },
  ...(['--userns', '--pid', '--ipc', '--uts', '--cgroupns'] as const).map(
    (long): RefusedFlag => ({
      long,
      value: 'MODE',
      reason: ownSandbox,
      idle: { pattern: /^(|private|default)$/, words: 'private' },
    }),
  ),
  {
    long: '--runtime',
    value: 'PROGRAM',
    reason: `OCI runtimes are ${notYet}`,
    hint: 'Leave it out: commands are started without one',
  },
  {
    long: '--runtime-flag',
    value: 'FLAG',
    reason: `OCI runtimes are ${notYet}`,
    hint: 'Leave it out: commands are started without one',
  },
  // kaniko
  { long: '--context', value: 'DIR', reason: 'the context stands behind the flags', hint: 'Write tsbuild [FLAGS] DIR' },
  { long: '--dockerfile', value: 'FILE', reason: 'it is called otherwise here', hint: 'Use --file' },
  { long: '--destination', value: 'NAME', reason: 'it is called otherwise here', hint: 'Use --tag NAME --push' },
  {
    long: '--cache',
    reason: 'it is called otherwise here',
    hint: 'Use --no-cache',
    idle: ifOn,
  },
  { long: '--cache-repo', value: 'NAME', reason: `caches outside of the store are ${notYet}`, hint: 'Keep the store: --store' },
  { long: '--digest-file', value: 'FILE', reason: 'it is called otherwise here', hint: 'Use --metadata-file' },
  { long: '--tar-path', value: 'FILE', reason: 'it is called otherwise here', hint: 'Use --output type=docker,dest=FILE' },
  { long: '--single-snapshot', reason: 'it is called otherwise here', hint: 'Use --squash' },
  { long: '--insecure', reason: 'it is called otherwise here', hint: 'Use --tls-verify=false' },
  { long: '--skip-tls-verify', reason: 'it is called otherwise here', hint: 'Use --tls-verify=false' },
];

/** What asks for nothing that would not be so anyway, whatever its value. */
export const idleInBuild: readonly IdleFlag[] = [
  { long: '--rm' },
  { long: '--force-rm' },
  { long: '--compress' },
  { long: '--disable-content-trust' },
  { long: '--storage-driver', value: 'NAME' },
  { long: '--no-push' },
  { long: '--cleanup' },
];

/** How docker, podman and buildah call commands that tsbuild has under one word. */
export const spellings: ReadonlyMap<string, string> = new Map([
  ...['buildx build', 'buildx b', 'image build', 'builder build'].map((words) => [words, 'build'] as const),
  ...['image ls', 'image list'].map((words) => [words, 'images'] as const),
  ['image rm', 'rmi'],
  ...['builder prune', 'buildx prune', 'image prune', 'system prune'].map((words) => [words, 'prune'] as const),
  ...['buildx du', 'system df'].map((words) => [words, 'du'] as const),
  ...['inspect', 'history', 'tag', 'push', 'pull', 'save', 'load'].map((name) => [`image ${name}`, name] as const),
]);
