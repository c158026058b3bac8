import { defaultLayout } from '../../contract/layouts.ts';
import { checkFile } from '../../export/check-destination.ts';
import { writeText } from '../../export/whole-output.ts';
import { layerCompressionOf } from '../../image/image-form.ts';
import type { LeavingForm } from '../../places/leaving-layers.ts';
import { compressionWord } from './compression-word.ts';
import type { Flag } from './flag.ts';
import { oneOf } from './one-of.ts';
import type { ParsedFlags } from './parse-flags.ts';
import { layoutOf } from './shared-flags.ts';
import { parseCount } from './size.ts';

/** The flags that say how layers of the store are compressed when they leave it. */
export const leavingFlags: readonly Flag[] = [
  {
    long: '--compression',
    aliases: ['--compression-format'],
    value: 'KIND',
    group: 'Form',
    help: 'gzip (default), zstd or uncompressed, for layers that were made here; others go as they are',
  },
  {
    long: '--compression-level',
    value: 'N',
    group: 'Form',
    help: 'Level of the compression: 0 to 9 for gzip (default: 3), 1 to 22 for zstd (default: 3)',
  },
  { long: '--force-compression', group: 'Form', help: 'Compress other layers anew too, where they are compressed otherwise' },
  {
    long: '--layout',
    value: 'N',
    group: 'Form',
    help: 'Rules by which layers are compressed (default: those that the image was made by, else the newest)',
  },
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

/** What leavingFlags say. @throws UsageError */
export function leavingForm(parsed: ParsedFlags): LeavingForm {
  const compression = parsed.last('--compression');
  const level = parsed.last('--compression-level');
  const wanted = {
    ...(compression !== undefined && { compression: compressionWord(parsed.written('--compression'), compression) }),
    ...(level !== undefined && { compressionLevel: parseCount('--compression-level', level, 0) }),
  };
  const layout = layoutOf(parsed);
  // What no layer can be shows before any is looked at.
  layerCompressionOf(wanted, layout ?? defaultLayout, '--compression-level');
  return {
    wanted,
    layout,
    isForced: parsed.isOn('--force-compression') === true,
  };
}

/** What `--format` says, where mediaFormatFlag is. @throws UsageError */
export function mediaFormat(parsed: ParsedFlags): 'oci' | 'docker' | undefined {
  return oneOf('--format', parsed.last('--format'), ['oci', 'docker']);
}

/** @throws OutputError when no digest can be written where `--digestfile` says: before anything is moved */
export async function checkDigestFile(parsed: ParsedFlags): Promise<void> {
  const file = parsed.last('--digestfile');
  if (file !== undefined) await checkFile(file);
}

/** Writes the digest where `--digestfile` says. @throws OutputError */
export async function writeDigestFile(parsed: ParsedFlags, digest: string, signal: AbortSignal): Promise<void> {
  const file = parsed.last('--digestfile');
  if (file !== undefined) await writeText(file, digest, signal);
}
