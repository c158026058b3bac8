import { UsageError } from '../../errors.ts';
import { exportImage } from '../../export/export-image.ts';
import { oneOf } from '../build-command.ts';
import type { CommandContext } from '../commands.ts';
import type { ParsedFlags } from '../parse-flags.ts';
import { type OpenedStore, runStoreCommand, type StoreCommand } from '../store-command.ts';
import { findImage, storedImage } from '../stored-image.ts';

const formats = ['docker-archive', 'oci-archive', 'oci-dir'] as const;

export const saveCommand: StoreCommand = {
  name: 'save',
  operands: 'IMAGE',
  leastOperands: 1,
  mostOperands: 1,
  summary: 'Writes an image to an archive or folder',
  flags: [
    { long: '--output', short: '-o', value: 'PATH', group: 'Output', help: 'Where to; - is standard output (default)' },
    { long: '--format', value: 'FORMAT', group: 'Output', help: 'docker-archive (default), oci-archive or oci-dir' },
  ],
  run: saveImage,
};

/** `tsbuild save`. */
export async function runSave(context: CommandContext): Promise<number> {
  return runStoreCommand(saveCommand, context);
}

async function saveImage(parsed: ParsedFlags, { store, context }: OpenedStore): Promise<number> {
  const destination = parsed.last('--output') ?? '-';
  const format = oneOf('--format', parsed.last('--format'), formats) ?? 'docker-archive';
  if (format === 'oci-dir' && destination === '-') {
    throw new UsageError('--output', 'Cannot write a folder to standard output', { hint: 'Name a folder: -o PATH' });
  }
  await store.hold();
  const image = await storedImage(store, await findImage(store, parsed.operands[0] ?? ''));
  const output =
    format === 'docker-archive'
      ? ({ kind: 'docker', destination } as const)
      : ({ kind: 'oci', destination, isArchive: format === 'oci-archive' } as const);
  await exportImage(image, output, { stdout: context.stdout, signal: context.signal });
  return 0;
}
