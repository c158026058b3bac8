import { parseReference } from '../../../registry/reference.ts';
import { bytes } from '../../progress/units.ts';
import type { CommandContext } from '../commands.ts';
import type { Flag } from '../flag.ts';
import type { ParsedFlags } from '../parse-flags.ts';
import { type OpenedStore, runStoreCommand, type StoreCommand } from '../store-command.ts';
import { readManifests } from '../stored-image.ts';
import { table } from '../table.ts';

const flags: readonly Flag[] = [
  { long: '--json', group: 'Output', help: 'Print JSON' },
  { long: '--quiet', short: '-q', group: 'Output', help: 'Print image ids only' },
];

export const imagesCommand: StoreCommand = {
  name: 'images',
  operands: '',
  leastOperands: 0,
  mostOperands: 0,
  summary: 'Lists the images in the store',
  flags,
  run: listImages,
};

/** `tsbuild images`. */
export async function runImages(context: CommandContext): Promise<number> {
  return runStoreCommand(imagesCommand, context);
}

interface ListedImage {
  readonly name: string;
  readonly id: string;
  readonly digest: string;
  readonly platforms: readonly string[];
  /** Bytes of the blobs. */
  readonly size: number;
}

async function listImages(parsed: ParsedFlags, { store, context }: OpenedStore): Promise<number> {
  const images: ListedImage[] = [];
  for (const { name, descriptor } of await store.images.list()) {
    const manifests = await readManifests(store, descriptor);
    const blobs = manifests.flatMap(({ manifest }) => [manifest.config, ...manifest.layers]);
    images.push({
      name,
      id: manifests[0]?.manifest.config.digest ?? descriptor.digest,
      digest: descriptor.digest,
      platforms: manifests.map(({ config }) => `${config.os}/${config.architecture}`),
      size: blobs.reduce((sum, { size }) => sum + size, 0),
    });
  }
  context.stdout.write(textOf(images, parsed));
  return 0;
}

function textOf(images: readonly ListedImage[], parsed: ParsedFlags): string {
  if (parsed.isOn('--json') === true) return `${JSON.stringify(images, undefined, 2)}\n`;
  if (parsed.isOn('--quiet') === true) return images.map(({ id }) => `${id}\n`).join('');
  const rows = images.map(({ name, id, platforms, size }) => {
    const { registry, repository, tag = '' } = parseReference(name);
    return [
      `${registry}/${repository}`,
      tag,
      id.slice('sha256:'.length, 'sha256:'.length + 12),
      platforms.join(','),
      bytes(size),
    ];
  });
  return table([['REPOSITORY', 'TAG', 'IMAGE ID', 'PLATFORM', 'SIZE'], ...rows]);
}
