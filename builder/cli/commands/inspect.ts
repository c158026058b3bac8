import type { ImageSession } from '../../places/image-session.ts';
import { ofImage } from '../../places/lost-content.ts';
import { findImage, readStoredImage, type StoredManifest } from '../../places/stored-images.ts';
import { type ReportedLayer, reportLayers } from '../../shelf/layer-report.ts';
import { printableLine } from '../../show/printable.ts';
import { table } from '../../show/table.ts';
import { bytes } from '../../show/units.ts';
import type { Flag } from '../flags/flag.ts';
import type { ParsedFlags } from '../flags/parse-flags.ts';
import { inSession } from '../kinds/in-session.ts';
import { type OpenedStore, runStoreCommand, type StoreCommand } from '../kinds/store-command.ts';
import type { CommandContext } from '../terminal/command-context.ts';
import { formatFlags, listingText } from '../terminal/listing.ts';

const flags: readonly Flag[] = [
  { long: '--layers', group: 'Output', help: 'What each layer adds, changes, hides, and the bytes that a later one wastes' },
  {
    long: '--format',
    value: 'FORMAT',
    group: 'Output',
    help: 'json, or a template such as "{{.digest}}"; with --layers a table is the default',
  },
  ...formatFlags.filter(({ long }) => long === '--json'),
];

/** What the command takes. Exported for tests. */
export const inspectCommand: StoreCommand = {
  name: 'inspect',
  operands: 'IMAGE...',
  leastOperands: 1,
  mostOperands: Number.POSITIVE_INFINITY,
  summary: 'Shows the manifest and configuration of images, as JSON',
  reads: true,
  flags,
  run: inspectImages,
};

/** `tsbuild inspect`. */
export async function runInspect(context: CommandContext): Promise<number> {
  return runStoreCommand(inspectCommand, context);
}

interface InspectedImage {
  readonly digest: string;
  readonly manifest: object;
  readonly config: object | undefined;
  readonly layers?: readonly ReportedLayer[];
}

interface ImageReport {
  readonly name: string;
  readonly id: string;
  readonly digest: string;
  readonly descriptor: object;
  readonly images: readonly InspectedImage[];
}

async function inspectImages(parsed: ParsedFlags, opened: OpenedStore): Promise<number> {
  const hasLayers = parsed.isOn('--layers') === true;
  const shown = await inSession(opened, parsed, async (session) => {
    const found: ImageReport[] = [];
    for (const text of parsed.operands) found.push(await inspect(text, { session, hasLayers }));
    return found;
  });
  const isTable = hasLayers && parsed.last('--format') === undefined && parsed.isOn('--json') !== true;
  const json = { ...parsed, last: (long: string) => parsed.last(long) ?? (long === '--format' ? 'json' : undefined) };
  opened.context.stdout.write(isTable ? shown.map(layerText).join('\n') : listingText({ items: shown, rows: () => [] }, json));
  return 0;
}

async function inspect(
  text: string,
  { session, hasLayers }: { readonly session: ImageSession; readonly hasLayers: boolean },
): Promise<ImageReport> {
  const { name, descriptor } = await findImage(session.store, text);
  return ofImage(name, session.store, async () => {
    const { index, manifests } = await readStoredImage(session.store, descriptor);
    const images: InspectedImage[] = [];
    for (const stored of manifests) images.push(await inspectOne(stored, hasLayers ? session : undefined));
    const id = index === undefined ? manifests[0]?.manifest.config.digest : undefined;
    return { name, id: id ?? descriptor.digest, digest: descriptor.digest, descriptor, images };
  });
}

async function inspectOne(stored: StoredManifest, session: ImageSession | undefined): Promise<InspectedImage> {
  const { descriptor, manifest, config } = stored;
  const shown = { digest: descriptor.digest, manifest, config };
  if (session === undefined || config === undefined) return shown;
  return { ...shown, layers: await reportLayers({ ...stored, config }, session) };
}

function layerText({ name, images }: ImageReport): string {
  return images.map(({ digest, layers }) => layersOf(images.length > 1 ? `${name} ${digest}` : name, layers ?? [])).join('\n');
}

const shownWaste = 3;

function layersOf(title: string, layers: readonly ReportedLayer[]): string {
  const rows = layers.map(({ added, changed, hidden, size, wastedBytes, createdBy }, index) => [
    String(index + 1),
    bytes(size),
    String(added),
    String(changed),
    String(hidden),
    wastedBytes === 0 ? '-' : bytes(wastedBytes),
    createdBy.slice(0, 80),
  ]);
  const waste = layers.flatMap(({ wasted }, index) =>
    wasted
      .slice(0, shownWaste)
      .map(
        (file) =>
          `layer ${index + 1}: ${printableLine(file.path)} (${bytes(file.bytes)}) is hidden by layer ${file.hiddenBy + 1}\n`,
      ),
  );
  const heading = ['LAYER', 'SIZE', 'ADDED', 'CHANGED', 'HIDDEN', 'WASTED', 'CREATED BY'];
  const total = layers.reduce((sum, { wastedBytes }) => sum + wastedBytes, 0);
  const summary = total === 0 ? 'No bytes are wasted\n' : `${bytes(total)} are wasted\n`;
  return `${printableLine(title)}\n${table([heading, ...rows])}${waste.join('')}${summary}`;
}
