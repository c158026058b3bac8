import type { ToolName } from './other-tools.ts';

/** Reasons, each with the rows that it is about: their names, or how these begin. */
type Differences = Readonly<Record<string, readonly string[]>>;

/** Buildah 1.28 and Podman 4.3, with chroot isolation. */
const ofBuildah: Differences = {
  'It has no here-documents': ['heredocs: ', 'onbuild and history: a here-document in a trigger'],
  'COPY and ADD have --from, --chown and --chmod only': [
    'copy parents: ',
    'copy owner and mode: --link makes',
    'copy owner and mode: --link replaces',
    'copy owner and mode: --link keeps',
    'copy owner and mode: --link with --chown',
    'copy owner and mode: --link to the WORKDIR',
    'copy owner and mode: --chmod switches --link off',
    'copy owner and mode: --link=false',
    'add archives: --unpack=false',
    'add archives: --link',
  ],
  '--chmod is octal, without a limit, and not for folders that are made': [
    'copy owner and mode: --chmod=u=rwx',
    'copy owner and mode: --chmod=+x',
    'copy owner and mode: --chmod=a',
    'copy owner and mode: --chmod=go-',
    'copy owner and mode: --chmod=u+',
    'copy owner and mode: --chmod=g+w',
    'copy owner and mode: --chmod=u=rwX',
    'copy owner and mode: --chmod=10000',
    'copy owner and mode: an octal --chmod',
    'copy owner and mode: a symbolic --chmod',
  ],
  'A dot at the end of a destination is not seen': ['copy placement: a destination that ends in a dot'],
  'Several sources make the destination a folder': ['copy placement: of several files without a slash'],
  'Files, folders and links of a tree replace whatever has their name': [
    'copy placement: a folder in a tree over a file',
    'copy placement: a file in a tree over a folder',
    'copy links: a folder in a tree with the name of a link',
    'copy links: a link in a tree with the name of a folder',
  ],
  'A link as the destination is replaced, a dangling one becomes a folder': [
    'copy links: a dangling link as the destination',
    'copy links: a link to a file as the destination',
  ],
  'Set-id bits of the context are taken away': [
    'copy placement: set-id bits',
    'copy owner and mode: --chown keeps the set-id bits',
  ],
  'Sockets are left out': ['copy links: a named pipe stays one'],
  'User attributes are kept': [
    'copy links: user attributes',
    'add archives: file capabilities',
    'stages: COPY --from keeps owners',
    'stages: COPY --from of a folder that is a link',
  ],
  'Brackets that look like JSON are unescaped': ['copy wildcards: a bracket in a name'],
  'A wildcard without a match is an error': ['copy wildcards: a wildcard without a match alone'],
  'The entry "./" of an archive changes the destination': ['add archives: a dot in front of names'],
  '--chown does not change entries of archives': ['add archives: --chown owns all entries'],
  'An exception for a name at every depth finds nothing in ignored folders': ['ignore files: a folder but a name at every depth'],
  'Ignore files do not count for mounts and named contexts': ['ignore files: a mounted context', 'ignore files: a named context'],
  'The escape directive is not known': ['variables: a backtick as the escape character'],
  'Words know ${x:-y} and ${x:+y} only': [
    'variables: a default for what is unset',
    'variables: an alternative for what is set',
    'variables: an error text that is not needed',
    'variables: the shortest',
    'variables: the longest',
    'variables: the first match',
    'variables: all matches',
    'variables: a slash is escaped',
    'variables: a question mark',
    'variables: --build-arg with an empty value',
    'variables: the default of a given ARG',
  ],
  'ENV wins over ARG, and stages do not inherit arguments': [
    'variables: ARG after ENV wins',
    "variables: ARG wins over the base image's ENV",
    'variables: a stage that is built on inherits',
  ],
  'The arguments of one ARG do not see each other': ['variables: several ARGs see those to their left'],
  'Some predefined arguments are not known': [
    'variables: platform arguments before FROM',
    'variables: TARGETSTAGE',
    'variables: proxies are there in both cases',
  ],
  '--env wins over ENV': ['variables: --env is for the image'],
  '--unsetenv and --unsetlabel do nothing, or are not known': ['variables: --unsetenv', 'settings: --unsetlabel'],
  'CMD and ENTRYPOINT take what they get': [
    'settings: text behind JSON',
    'settings: CMD with a flag',
    'run: JSON with a mistake',
  ],
  'SHELL is not kept in images of OCI format, and RUN alone uses it': [
    'settings: SHELL is for what follows',
    'settings: the SHELL of the base image',
    'run: another SHELL',
  ],
  'WORKDIR is kept as written, and not made': ['settings: WORKDIR without its slash', 'settings: WORKDIR over a file'],
  'Ports are not looked at': ['settings: EXPOSE'],
  'What is written to a volume is thrown away': ['settings: what is put into a VOLUME'],
  'HEALTHCHECK has fewer flags and checks': ['settings: HEALTHCHECK with all its flags', 'settings: HEALTHCHECK of less'],
  'Instructions before FROM are skipped': ['settings: an instruction before FROM'],
  'Triggers of a stage of the same file do not run': ['onbuild and history: '],
  'Chroot isolation shares more with the machine, and sets less': [
    'run: the hostname',
    'run: --hostname',
    'run: the capabilities',
    'run: a network of its own',
    'run: --shm-size',
    'run: /dev/shm',
    'run: processes of others',
    'run: the time is constant',
    'run: the environment is only',
  ],
  'A hard link to a file of the image becomes a file': ['run: a hard link to a file of the image'],
  'Mounts are written to, leave traces, and take fewer options': [
    'run mounts: what is written to a writable bind',
    'run mounts: a relative target',
    'run mounts: mount points',
    'run mounts: a mount through a link',
    'run mounts: a bind of what does not exist',
    'run mounts: a tmpfs is empty',
    'run mounts: the size of a tmpfs',
    'run mounts: a tmpfs with a size',
    'run mounts: a folder of a cache',
    'run mounts: an empty secret',
    'run mounts: caches with different owners',
    'run mounts: a secret',
    'run mounts: a USER that is not root',
  ],
  'RUN has no flag but --mount, and nothing has to be allowed': [
    'run options: --network=none of the command line',
    'run options: --network=host of a RUN must',
    'run devices: --device of a CDI name',
    'run devices: --device of one RUN',
    'run options: --security=',
  ],
  'Chroot isolation has the network and the devices of the machine': [
    'run options: --network=none for every RUN',
    'run devices: --device of the command line',
  ],
  '--add-host takes no brackets, and no word for this machine': [
    'run options: --add-host with an IPv6',
    "run options: --add-host with docker's name",
  ],
  'Mount points of volumes and agents stay': [
    'run options: --volume shows',
    'run options: --volume is written',
    'run options: --volume of a file',
    'run options: --volume under',
    'run options: --volume behind a link',
    'run options: a ssh mount is a socket',
    'run options: a ssh mount with an id',
    'run options: a ssh mount in the next',
    'run options: two ssh mounts',
    'run options: a ssh mount leaves',
  ],
  'Names of stages are compared as written': ['stages: a stage by its name in any case', 'stages: --target'],
  'A folder is no base': ['stages: a named context as the base'],
};

/** BuildKit 0.25: what ours does otherwise on purpose, or has besides. */
const ofDocker: Differences = {
  'An unknown user or group is root': ['copy owner and mode: --chown with a name', 'copy owner and mode: --chown with a group'],
  'FROM finds stages in lower case only': ['stages: a stage by its name in any case'],
  'It does not know the flag': [
    'ignore files: --ignorefile',
    'variables: --env',
    'variables: --unsetenv',
    'settings: --unsetlabel',
    'run: --hostname',
    'run options: --dns',
    'run options: --env',
    'run options: --volume',
    'run devices: --device of the command line',
    'stages: --from takes the place',
    'onbuild and history: --squash',
  ],
  'Specifications are known to the daemon, not named on the command line': [
    'run devices: --device of a CDI name',
    'run devices: --device of one RUN',
  ],
  '.containerignore is not known': ['ignore files: .containerignore'],
  'SOURCE_DATE_EPOCH is set on request only': ['run: the time is constant', 'run: the environment is only'],
  'A hard link to a file of the image becomes a file': ['run: a hard link to a file of the image'],
  'A file of the same size and time is taken for the same': ['copy placement: a file of the same size and time'],
};

const all: Readonly<Record<ToolName, Differences>> = { buildah: ofBuildah, podman: ofBuildah, docker: ofDocker };

/** Why a tool may come to another result with a row. */
export function knownDifference(row: string, tool: ToolName): string | undefined {
  return Object.entries(all[tool]).find(([, starts]) => starts.some((start) => row.startsWith(start)))?.[0];
}

/** What is listed although no row shows it any more. Rows that were not built say nothing. */
export function unusedDifferences(tool: ToolName, built: readonly string[], differing: readonly string[]): readonly string[] {
  const starts = Object.values(all[tool]).flat();
  const isIn = (names: readonly string[], start: string): boolean => names.some((name) => name.startsWith(start));
  return starts.filter((start) => isIn(built, start) && !isIn(differing, start));
}
