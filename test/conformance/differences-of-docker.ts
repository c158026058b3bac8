import type { Differences, Refusals } from './known-differences.ts';

/** What the command line and the frontend of docker 28.5 (BuildKit 0.25) say to rows that cannot be built with them. */
export const refusalsOfDocker: Refusals = {
  'It needs a newer frontend': /dockerfile parse error on line \d+: unknown flag: --(parents|security|device)\b/,
  'The daemon is not configured to allow it': /granting entitlement \S+ is not allowed by build daemon configuration/,
  'The command line has no such flag':
    /^unknown flag: --(cdi-config-dir|device|dns|dns-option|dns-search|env|from|hostname|ignorefile|squash-all|unsetenv|unsetlabel|volume)$/m,
};

/** The same of docker: what ours does otherwise on purpose, has besides, or does as newer versions do. */
export const ofDocker: Differences = {
  'An unknown user or group is root': ['copy owner and mode: --chown with a name', 'copy owner and mode: --chown with a group'],
  'FROM finds stages in lower case only': ['stages: a stage by its name in any case'],
  'The flag --squash has no effect': ['onbuild and history: --squash'],
  '.containerignore is not known': ['ignore files: .containerignore'],
  'SOURCE_DATE_EPOCH is set on request only': ['run: the time is constant', 'run: the environment is only'],
  'A hard link to a file of the image becomes a file': ['run: a hard link to a file of the image'],
  'Names in a context are UTF-8': ['copy placement: names that are not UTF-8'],
  'With --exclude a dangling link is "not found"': ['copy parents: --exclude means the name of a link'],
  'Folders that an octal --chmod makes lose what the umask of dockerd takes away; that of buildkitd takes nothing': [
    'copy owner and mode: an octal --chmod leaves folders',
  ],
  'Absolute names in archives must not climb; newer versions clean them': ['add archives: an absolute name that climbs'],
  'The history of HEALTHCHECK is in other words; newer versions have ours': ['settings: the history of HEALTHCHECK'],
  'RUN without a command runs an empty one': ['run: RUN with nothing'],
  'This machine is known by the address of its bridge': ["run options: --add-host with docker's name"],
  'SSH_AUTH_SOCK is set without an agent, too': ['run options: a ssh mount that was not given'],
};
