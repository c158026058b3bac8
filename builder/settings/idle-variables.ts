import { goBoolean } from '../../registry/oci/text/go-boolean.ts';

interface IdleVariable {
  readonly name: string;
  /** Words that ask for something, besides those that are true. */
  readonly words: readonly string[];
  readonly reason: string;
}

const variables: readonly IdleVariable[] = [
  {
    name: 'BUILDX_GIT_LABELS',
    words: ['full'],
    reason: 'no labels are made of the repository; give them with --label org.opencontainers.image.revision=...',
  },
  {
    name: 'BUILDX_METADATA_PROVENANCE',
    words: ['min', 'max'],
    reason: 'provenance is not supported yet, so the metadata file has none',
  },
  {
    name: 'BUILDX_METADATA_WARNINGS',
    words: [],
    reason: 'the metadata file has no warnings; --progress=rawjson has them',
  },
];

/** What to say of variables of docker buildx that ask for something, and have no effect. */
export function idleVariables(environment: Readonly<Record<string, string | undefined>>): readonly string[] {
  return variables
    .filter(({ name, words }) => isAsking(environment[name] ?? '', words))
    .map(({ name, reason }) => `${name} has no effect: ${reason}`);
}

function isAsking(value: string, words: readonly string[]): boolean {
  return goBoolean(value) === true || words.includes(value);
}
