import { writeFile } from 'node:fs/promises';
import type { LayerCompression } from '../../executor/protocol/messages.ts';
import { compressionOf } from '../deliver/image-form.ts';
import { UsageError } from '../errors.ts';
import { writeWhole } from '../export/whole-output.ts';

import type { Flag } from './flag.ts';
import { oneOf } from './one-of.ts';
import type { ParsedFlags } from './parse-flags.ts';
import { parseCount } from './size.ts';

/** The flags that say how layers of the store are compressed when they leave it. */
export const leavingFlags: readonly Flag[] = [
  {
    long: '--compression',
    value: 'KIND',
    group: 'Form',
    help: 'gzip (default), zstd or uncompressed, for layers that were made here; others go as they are',
  },
  { long: '--compression-level', value: 'N', group: 'Form', help: 'Level of the compression (default: 6 for gzip, 3 for zstd)' },
];

/** `--format`, for commands that need the word for nothing else. */
export const mediaFormatFlag: Flag = {
  long: '--format',
  value: 'FORMAT',
  group: 'Form',
  help: 'Media types, oci or docker (default: as they are); layers and configuration keep their bytes',
};

/** `--digestfile`. */
export const digestFileFlag: Flag = {
  long: '--digestfile',
  value: 'FILE',
  group: 'Output',
  help: 'Write the digest of what is there now to a file',
};

/** What leavingFlags say. Throws UsageError. */
export function leavingCompression(parsed: ParsedFlags): LayerCompression {
  const compression = oneOf('--compression', parsed.last('--compression'), ['gzip', 'zstd', 'uncompressed']);
  const level = levelOf(parsed.last('--compression-level'), compression === 'zstd' ? 22 : 9);
  return compressionOf({
    ...(compression !== undefined && { compression }),
    ...(level !== undefined && { compressionLevel: level }),
  });
}

function levelOf(text: string | undefined, highest: number): number | undefined {
  if (text === undefined) return undefined;
  const level = parseCount('--compression-level', text, 0);
  if (level <= highest) return level;
  throw new UsageError('--compression-level', `Cannot use --compression-level ${text}: the highest level is ${highest}`);
}

/** What `--format` says, where mediaFormatFlag is. Throws UsageError. */
export function mediaFormat(parsed: ParsedFlags): 'oci' | 'docker' | undefined {
  return oneOf('--format', parsed.last('--format'), ['oci', 'docker']);
}

/** Writes the digest where `--digestfile` says. Throws OutputError. */
export async function writeDigestFile(parsed: ParsedFlags, digest: string): Promise<void> {
  const file = parsed.last('--digestfile');
  if (file !== undefined) await writeWhole(file, (temporary) => writeFile(temporary, digest));
}
