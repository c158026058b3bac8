interface IdleVariable {
  readonly name: string;
  /** Values that ask for something. */
  readonly pattern: RegExp;
  readonly reason: string;
}

// strconv.ParseBool, which reads docker buildx's switches, and the words that they have besides.
const variables: readonly IdleVariable[] = [
  {
    name: 'BUILDX_GIT_LABELS',
    pattern: /^(1|t|T|true|TRUE|True|full)$/,
    reason: 'no labels are made of the repository; give them with --label org.opencontainers.image.revision=...',
  },
  {
    name: 'BUILDX_METADATA_PROVENANCE',
    pattern: /^(1|t|T|true|TRUE|True|min|max)$/,
    reason: 'provenance is not supported yet, so the metadata file has none',
  },
  {
    name: 'BUILDX_METADATA_WARNINGS',
    pattern: /^(1|t|T|true|TRUE|True)$/,
    reason: 'the metadata file has no warnings; --progress=rawjson has them',
  },
];

/** What to say of variables of docker buildx that ask for something, and have no effect. */
export function idleVariables(environment: Readonly<Record<string, string | undefined>>): readonly string[] {
  return variables
    .filter(({ name, pattern }) => pattern.test(environment[name] ?? ''))
    .map(({ name, reason }) => `${name} has no effect: ${reason}`);
}
