import { UsageError } from '../../contract/errors.ts';

const words = ['gzip', 'zstd', 'uncompressed'] as const;

/** What other tools have: they let a runtime load files of a layer when they are looked at. */
const lazyWords = ['estargz', 'zstd:chunked', 'nydus', 'overlaybd'];

/** The name of a compression. @throws UsageError */
export function compressionWord(flag: string, text: string): (typeof words)[number] {
  const word = words.find((known) => known === text);
  if (word !== undefined) return word;
  if (lazyWords.includes(text)) {
    throw new UsageError(flag, `Cannot compress with "${text}": layers that are loaded lazily are not supported`, {
      hint: 'Use zstd or gzip',
    });
  }
  throw new UsageError(flag, `Cannot compress with "${text}": expected gzip, zstd or uncompressed`);
}
