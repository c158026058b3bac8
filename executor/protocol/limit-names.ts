/** The limits that a command can be given, by docker's names, in the order of their numbers on every architecture but Alpha, MIPS and SPARC. (setrlimit(2)) */
export const limitNames = [
  'cpu',
  'fsize',
  'data',
  'stack',
  'core',
  'rss',
  'nproc',
  'nofile',
  'memlock',
  'as',
  'locks',
  'sigpending',
  'msgqueue',
  'nice',
  'rtprio',
  'rttime',
] as const;
