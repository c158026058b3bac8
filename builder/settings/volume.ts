import path from 'node:path';
import type { RunMount } from '../../executor/protocol/actions.ts';
import { UsageError } from '../contract/errors.ts';

/** What `--volume` says. */
export interface Volume {
  /** As it is written. */
  readonly text: string;
  readonly mount: Extract<RunMount, { kind: 'volume' }>;
  /** Its options, as written. */
  readonly words: readonly string[];
}

/** Words of which a volume may have one. Those of buildah, without what a build cannot give. */
const groups: readonly (readonly string[])[] = [
  ['ro', 'rw'],
  ['O', 'z', 'Z'],
  ['U'],
  ['exec', 'noexec'],
  ['private', 'rprivate', 'slave', 'rslave', 'shared', 'rshared'],
  // What all volumes are.
  ['nosuid'],
  ['nodev'],
  ['rbind'],
  // Docker's, for other systems than Linux: they mean nothing here.
  ['cached', 'delegated', 'consistent'],
];

/** Reads `HOST-PATH:PATH[:OPTION,...]`; a colon that belongs to a path is written `\:`. @throws UsageError */
export function parseVolumeOption(text: string): Volume {
  const [source = '', target = '', options, more] = splitAtColons(text);
  if (source === '' || !path.isAbsolute(target) || more !== undefined) {
    throw refused(text, 'expected HOST-PATH:PATH[:OPTION,...] with an absolute PATH');
  }
  const words = options === undefined ? [] : options.split(',').filter((word) => word !== '');
  checkWords(text, words);
  const has = (word: string): boolean => words.includes(word);
  return {
    text,
    words,
    mount: {
      kind: 'volume',
      source: path.resolve(source),
      target: path.posix.normalize(target),
      isReadOnly: has('ro'),
      ...(has('noexec') && { isNoExec: true }),
      ...(has('O') && { isOverlay: true }),
      ...(has('U') && { isGiven: true }),
    },
  };
}

/** What the words of a volume do not do here, as notices: each once, however many volumes have it. */
export function volumeNotices(volumes: readonly Volume[], { hasSelinux }: { readonly hasSelinux: boolean }): readonly string[] {
  return volumes.flatMap(({ text, words }) => {
    const propagation = words.find((word) => /^r?(?:slave|shared)$/.test(word));
    const label = hasSelinux ? words.find((word) => word === 'z' || word === 'Z') : undefined;
    return [
      ...(propagation === undefined
        ? []
        : [`Volume "${text}": what is mounted while a command runs does not get through, in spite of "${propagation}"`]),
      ...(label === undefined
        ? []
        : [`Volume "${text}" keeps its SELinux labels, in spite of "${label}": commands have the label of your own processes`]),
    ];
  });
}

function splitAtColons(text: string): readonly string[] {
  return text.split(/(?<!\\):/).map((part) => part.replaceAll('\\:', ':'));
}

function checkWords(text: string, words: readonly string[]): void {
  for (const word of words) {
    if (/^(?:upperdir|workdir)=/.test(word)) {
      throw refused(text, `"${word}" is not supported`, 'What a command writes to a volume with O is thrown away');
    }
    const group = groups.find((members) => members.includes(word));
    if (group === undefined) throw refused(text, `"${word}" is no option of a volume`, `Options are ${groups.flat().join(', ')}`);
    const [first, second] = words.filter((other) => group.includes(other));
    if (second !== undefined) throw refused(text, `it has "${first}" and "${second}"`);
  }
}

function refused(text: string, why: string, hint?: string): UsageError {
  return new UsageError('--volume', `Cannot mount volume "${text}": ${why}`, { hint });
}
