import type { Flag, FlagTable } from './flag.ts';
import { idleInBuild, refusedByBuild } from './other-tools.ts';
import { registryFlags, storageFlag, storeFlags } from './shared-flags.ts';

const what = 'What to build';
const cache = 'Cache';
const image = 'The image';
const output = 'Where it goes';
const run = 'RUN';
const shown = 'What is shown';

const flags: readonly Flag[] = [
  {
    long: '--file',
    short: '-f',
    value: 'FILE',
    repeats: true,
    group: what,
    help: 'Containerfile; several are read as one; - is standard input (default: Containerfile, else Dockerfile, in the context)',
  },
  { long: '--target', value: 'STAGE', group: what, help: 'Stage to build (default: the last)' },
  {
    long: '--build-arg',
    value: 'NAME[=VALUE]',
    repeats: true,
    group: what,
    help: 'Value of an ARG; without = it comes from the environment',
  },
  {
    long: '--build-arg-file',
    value: 'FILE',
    repeats: true,
    group: what,
    help: 'File of NAME=VALUE lines; --build-arg wins over it',
  },
  {
    long: '--build-context',
    value: 'NAME=PLACE',
    repeats: true,
    group: what,
    help: 'Named context: a folder, docker-image://REF, oci-layout://DIR[:TAG], oci-archive:FILE, docker-archive:FILE',
  },
  {
    long: '--ignorefile',
    value: 'FILE',
    group: what,
    help: 'Ignore rules, instead of the .containerignore or .dockerignore of the context',
  },
  {
    long: '--platform',
    value: 'OS/ARCH[,...]',
    repeats: true,
    group: what,
    help: 'Platform to build for (default: DOCKER_DEFAULT_PLATFORM, else this machine)',
  },
  { long: '--from', value: 'IMAGE', group: what, help: 'Use this image in place of the last FROM' },
  {
    long: '--call',
    value: 'METHOD[,format=FORMAT]',
    group: what,
    help: 'What to do: build, check, outline or targets; format is text, json, and for check sarif',
  },
  { long: '--check', group: what, help: 'Same as --call=check' },

  {
    long: '--no-cache',
    value: 'STAGE,...',
    implied: 'true',
    group: cache,
    help: 'Look nothing up in the cache, or not for these stages',
  },
  { long: '--no-cache-filter', value: 'STAGE,...', repeats: true, group: cache, help: 'Look nothing up for these stages' },
  {
    long: '--pull',
    value: 'POLICY',
    implied: 'always',
    group: cache,
    help: 'When to ask the registry for base images: missing (default), always, never, newer',
  },
  {
    long: '--jobs',
    value: 'N',
    group: cache,
    help: 'Steps that may run at the same time (default, and 0: processors, not counting RUN)',
  },
  {
    long: '--run-jobs',
    value: 'N',
    group: cache,
    help: 'RUN steps that may run at the same time; 0: no limit (default: --jobs where given, else by memory, at most 64)',
  },
  { long: '--explain', group: cache, help: 'Say why each step was not cached' },
  ...storeFlags(cache),
  storageFlag(cache),

  { long: '--tag', short: '-t', value: 'NAME[:TAG]', repeats: true, group: image, help: 'Name of the image' },
  { long: '--label', value: 'NAME=VALUE', repeats: true, group: image, help: 'Label of the image; wins over LABEL' },
  { long: '--unsetlabel', value: 'NAME', repeats: true, group: image, help: 'Remove an inherited label' },
  {
    long: '--annotation',
    value: '[LEVEL:]NAME=VALUE',
    repeats: true,
    group: image,
    help: 'Annotation of each manifest, or of a level: manifest[PLATFORM], index, manifest-descriptor, index-descriptor',
  },
  {
    long: '--env',
    value: 'NAME[=VALUE]',
    repeats: true,
    group: image,
    help: 'Environment variable of the image; ENV wins over it',
  },
  { long: '--unsetenv', value: 'NAME', repeats: true, group: image, help: 'Remove an inherited environment variable' },
  { long: '--format', value: 'FORMAT', group: image, help: 'oci (default) or docker' },
  { long: '--squash', group: image, help: 'Make one layer of those of the build; those of the base image stay' },
  { long: '--squash-all', group: image, help: 'Make one layer of all, the base image included' },
  {
    long: '--source-date-epoch',
    value: 'SECONDS',
    group: image,
    help: 'Time that files and the image carry (default: SOURCE_DATE_EPOCH, else 1980-01-02)',
  },
  {
    long: '--layout',
    value: 'N',
    group: image,
    help: 'Rules that make digests; an older number gives those of older versions (default: 1)',
  },
  { long: '--timestamp', value: 'SECONDS|now', group: image, help: 'Creation time of the image alone' },

  {
    long: '--output',
    short: '-o',
    value: 'SPEC',
    repeats: true,
    group: output,
    help: 'type=oci|docker|local|tar|registry|image|none[,dest=PATH|-][,...]; a bare path is a folder, - a tar on standard output',
  },
  { long: '--push', group: output, help: 'Push the image under its names' },
  { long: '--iidfile', value: 'FILE', group: output, help: 'Write the image id (digest of the configuration) to a file' },
  { long: '--metadata-file', value: 'FILE', group: output, help: 'Write digests and names to a file, as JSON' },
  ...registryFlags(output),

  {
    long: '--secret',
    value: 'id=ID[,src=FILE|,env=NAME]',
    repeats: true,
    group: run,
    help: 'Secret for RUN --mount=type=secret',
  },
  {
    long: '--ssh',
    value: 'default|ID[=PATH,...][,raw=true]',
    repeats: true,
    group: run,
    help: 'Agent socket or keys for RUN --mount=type=ssh; with raw=true a socket of any protocol',
  },
  { long: '--network', value: 'MODE', group: run, help: 'Network of RUN: default, none, host, pasta or slirp4netns' },
  {
    long: '--allow',
    value: 'ENTITLEMENT',
    repeats: true,
    group: run,
    help: 'Permit network.host, security.insecure, device, or device=NAME[,alias=NAME]',
  },
  { long: '--add-host', value: 'NAME:ADDRESS', repeats: true, group: run, help: 'Line for /etc/hosts' },
  { long: '--dns', value: 'ADDRESS', repeats: true, group: run, help: 'Name server' },
  { long: '--dns-search', value: 'DOMAIN', repeats: true, group: run, help: 'Search domain' },
  { long: '--dns-option', value: 'OPTION', repeats: true, group: run, help: 'Resolver option' },
  { long: '--hostname', value: 'NAME', group: run, help: 'Host name that RUN sees' },
  { long: '--cap-add', value: 'NAME,...', repeats: true, group: run, help: 'Capability that root has in RUN too, or ALL' },
  {
    long: '--cap-drop',
    value: 'NAME,...',
    repeats: true,
    group: run,
    help: 'Capability that root has not, or ALL, which comes first',
  },
  { long: '--group-add', value: 'GROUP,...', repeats: true, group: run, help: 'Group of the command, beside those of its user' },
  {
    long: '--security-opt',
    value: 'OPTION',
    repeats: true,
    group: run,
    help: 'seccomp=FILE|unconfined, apparmor=PROFILE|unconfined, label=disable|type:TYPE|level:LEVEL|..., no-new-privileges',
  },
  {
    long: '--isolation',
    value: 'MODE',
    group: run,
    help: 'default, oci or rootless: as the machine allows; strict: refuse a RUN that shares a network or processes with it',
  },
  { long: '--ulimit', value: 'NAME=SOFT[:HARD]', repeats: true, group: run, help: 'Resource limit' },
  { long: '--shm-size', value: 'SIZE', group: run, help: 'Size of /dev/shm (default: 64m)' },
  {
    long: '--volume',
    short: '-v',
    value: 'SOURCE:TARGET[:OPTION,...]',
    repeats: true,
    group: run,
    help: 'Mount a folder of this machine in every RUN, not part of the image: ro, O (writes are thrown away), U (give it to the user of RUN), ...',
  },
  {
    long: '--emulator',
    value: '[ARCH=]PATH',
    repeats: true,
    group: run,
    help: 'Static emulator for RUN on other platforms (default: what the machine has registered, else qemu-*-static in PATH)',
  },
  {
    long: '--device',
    value: 'SOURCE[:TARGET][:rwm]|NAME',
    repeats: true,
    group: run,
    help: 'Device node, or CDI device, for every RUN',
  },
  {
    long: '--cdi-spec-dir',
    aliases: ['--cdi-config-dir'],
    value: 'DIR',
    repeats: true,
    group: run,
    help: 'Folder of CDI specifications (default: /etc/cdi and /var/run/cdi)',
  },

  { long: '--progress', value: 'MODE', group: shown, help: 'auto (default), plain, tty, rawjson or quiet (as -q)' },
  { long: '--quiet', short: '-q', group: shown, help: 'Print only the image id' },
  { long: '--help', short: '-h', group: shown, help: 'Print this text' },
];

/** All flags of `tsbuild build`. docs/cli.md shows the same ones; a test keeps both equal. */
export const buildFlags: FlagTable = { flags, refused: refusedByBuild, idle: idleInBuild };
