import { isIndexType } from '../../../registry/oci/layer-format.ts';
import { UsageError } from '../../contract/errors.ts';
import { platformOf } from '../../contract/platforms.ts';
import type { ImageFileOutput } from '../../export/export-image.ts';
import { refuseDockerZstd } from '../../places/leaving-layers.ts';
import { ofImage } from '../../places/lost-content.ts';
import { openSource } from '../../places/open-source.ts';
import { type FoundImage, findImage } from '../../places/stored-images.ts';
import { writeFiles } from '../../places/write-files.ts';
import { leavingFlags, leavingForm } from '../flags/leaving-flags.ts';
import { oneOf } from '../flags/one-of.ts';
import type { ParsedFlags } from '../flags/parse-flags.ts';
import { inSession, quietFlag } from '../kinds/in-session.ts';
import { type OpenedStore, runStoreCommand, type StoreCommand } from '../kinds/store-command.ts';
import type { CommandContext } from '../terminal/command-context.ts';

const formats = ['docker-archive', 'oci-archive', 'oci-dir', 'docker', 'oci'] as const;

/** What the command takes. Exported for tests. */
export const saveCommand: StoreCommand = {
  name: 'save',
  operands: 'IMAGE [NAME...]',
  leastOperands: 1,
  mostOperands: Number.POSITIVE_INFINITY,
  summary: 'Writes an image to an archive or folder; more names must be names of the same image',
  reads: true,
  flags: [
    { long: '--output', short: '-o', value: 'PATH', group: 'Output', help: 'Where to; - is standard output (default)' },
    {
      long: '--format',
      value: 'FORMAT',
      group: 'Output',
      help: 'docker-archive (default for one platform), oci-archive (default for several) or oci-dir',
    },
    quietFlag,
    { long: '--platform', value: 'OS/ARCH', group: 'Which', help: 'One image of several (default: all)' },
    ...leavingFlags,
  ],
  run: saveImage,
};

/** `tsbuild save`. */
export async function runSave(context: CommandContext): Promise<number> {
  return runStoreCommand(saveCommand, context);
}

async function saveImage(parsed: ParsedFlags, opened: OpenedStore): Promise<number> {
  const [name = ''] = parsed.operands;
  const found = await findAll(parsed.operands, opened);
  const platform = parsed.last('--platform');
  const platforms = platform === undefined ? 'all' : ({ platform: platformOf(platform), isAskedFor: true } as const);
  const isIndex = platforms === 'all' && isIndexType(found[0]?.descriptor.mediaType ?? '');
  const output = outputOf(parsed, isIndex ? 'oci-archive' : 'docker-archive');
  const leaving = leavingForm(parsed);
  const reading = { platforms, registry: {}, leaving } as const;
  const full = found[0]?.name ?? name;
  await inSession(opened, parsed, (session) =>
    ofImage(full, session.store, async () => {
      const whole = await openSource({ kind: 'store', name }, reading, session);
      refuseDockerZstd(whole, leaving);
      await writeFiles({ whole, names: found.map((image) => image.name) }, { output, stdout: opened.context.stdout }, session);
    }),
  );
  return 0;
}

async function findAll(texts: readonly string[], { store }: OpenedStore): Promise<readonly FoundImage[]> {
  const found = await Promise.all(texts.map((text) => findImage(store, text)));
  const other = found.findIndex(({ descriptor }) => descriptor.digest !== found[0]?.descriptor.digest);
  if (other < 0) return found;
  throw new UsageError('IMAGE', `Cannot save "${texts[0]}" and "${texts[other]}" together: they are different images`, {
    hint: 'Save each to an archive of its own, or all to one folder with --format oci-dir, one after the other',
  });
}

function outputOf(parsed: ParsedFlags, usual: (typeof formats)[number]): ImageFileOutput {
  const destination = parsed.last('--output') ?? '-';
  const format = oneOf('--format', parsed.last('--format'), formats) ?? usual;
  if (format === 'oci-dir' && destination === '-') {
    throw new UsageError('--output', 'Cannot write a folder to standard output', { hint: 'Name a folder: -o PATH' });
  }
  return format.startsWith('docker')
    ? { kind: 'docker', destination }
    : { kind: 'oci', destination, isArchive: format !== 'oci-dir' };
}
