import { RegistryError } from './errors/registry-error.ts';
import { openImage } from './image/open-image.ts';
import { openDockerFiles, readArchivedImages } from './local/docker-archive.ts';
import { layoutBlobs, readLayoutIndex, readManifest } from './local/layout.ts';
import { parseLocation, type Selector } from './local/location.ts';
import { folderFiles, readableImages, type StoredFiles } from './local/stored-files.ts';
import { tarFiles } from './local/tar-files.ts';
import { type Descriptor, nameAnnotations } from './oci/descriptor.ts';
import { layoutPathOf } from './oci/digest.ts';
import type { SourceImage } from './oci/image-source.ts';
import type { ImageIndex } from './oci/manifest.ts';

/** One thing that a layout or an archive holds: an image, or an index of several. */
export interface LocalContent {
  /** As they are written there; not all of them are references. */
  readonly names: readonly string[];
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
  /** undefined: one image. */
  readonly index: ImageIndex | undefined;
  /** False for an entry of the index that was left out, as archives of one platform do. */
  has(entry: Descriptor): Promise<boolean>;
  /** The image of one entry; without an entry, the only one. @throws RegistryError */
  open(entry?: Descriptor): Promise<SourceImage>;
}

/** How the files of a place are to be read; `any` looks for itself. */
type LocalKind = 'oci-layout' | 'oci-archive' | 'docker-archive' | 'any';

interface ContentsOptions {
  readonly kind: LocalKind;
  /** What messages call the place. Default: the path, and the kind unless it is `any`. */
  readonly title?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * What there is at `path[:name][@digest]`: all images, or those that are meant. Nothing is unpacked.
 *
 * @throws RegistryError, also when there is nothing
 */
export async function openContents(location: string, options: ContentsOptions): Promise<readonly LocalContent[]> {
  const { kind, signal } = options;
  const { path, isFolder, selector } = await parseLocation(location, kind === 'any' ? undefined : kind);
  const title = options.title ?? (kind === 'any' ? `"${path}"` : `${kind}:${path}`);
  const files = isFolder ? folderFiles(path, title) : await tarFiles(path, title);
  const found = (await isDocker(files, kind)) ? await dockerContents(files, selector) : await layoutContents(files, selector);
  const contents = found.map((open) => open(signal));
  if (contents.length > 0) return Promise.all(contents);
  const why = selector.name === undefined ? 'it holds no image' : `it has no image "${selector.name}"`;
  throw new RegistryError('manifest-unknown', `Cannot read ${title}: ${why}`, { side: 'client' });
}

type OpenContent = (signal: AbortSignal | undefined) => Promise<LocalContent>;

/** Docker's archives are layouts too, whose entries may have no names; then `manifest.json` has them. */
async function isDocker(files: StoredFiles, kind: LocalKind): Promise<boolean> {
  if (kind !== 'any') return kind === 'docker-archive';
  if ((await files.find('manifest.json')) === undefined) {
    if ((await files.find('index.json')) !== undefined) return false;
    throw new RegistryError('archive', `Cannot read ${files.title}: it has neither "index.json" nor "manifest.json"`, {
      side: 'client',
      hint: readableImages,
    });
  }
  if ((await files.find('index.json')) === undefined || (await files.find('oci-layout')) === undefined) return true;
  const { manifests } = await readLayoutIndex(files);
  return !manifests.every((entry) => entry.annotations?.[nameAnnotations.containerd] !== undefined);
}

async function layoutContents(files: StoredFiles, selector: Selector): Promise<readonly OpenContent[]> {
  const { manifests } = await readLayoutIndex(files);
  const groups = new Map<string, { readonly entry: Descriptor; readonly names: string[] }>();
  for (const entry of manifests) {
    if (!isMeant(entry, selector)) continue;
    const group = groups.get(entry.digest) ?? { entry, names: [] };
    const name = entry.annotations?.[nameAnnotations.containerd] ?? entry.annotations?.[nameAnnotations.layout];
    if (name !== undefined && !group.names.includes(name)) group.names.push(name);
    groups.set(entry.digest, group);
  }
  return [...groups.values()].map(
    ({ entry, names }) =>
      (signal) =>
        layoutContent(files, { entry, names, signal }),
  );
}

function isMeant({ digest, annotations }: Descriptor, selector: Selector): boolean {
  if (selector.digest !== undefined) return digest === selector.digest;
  const { name } = selector;
  if (name === undefined) return true;
  const known = [annotations?.[nameAnnotations.containerd], annotations?.[nameAnnotations.layout]].filter(
    (text) => text !== undefined,
  );
  return known.some((text) => text === name || text.endsWith(`:${name}`) || name.endsWith(`:${text}`));
}

interface LayoutEntry {
  readonly entry: Descriptor;
  readonly names: readonly string[];
  readonly signal: AbortSignal | undefined;
}

async function layoutContent(files: StoredFiles, { entry, names, signal }: LayoutEntry): Promise<LocalContent> {
  const root = await readManifest(files, entry);
  const options = { name: files.title, purpose: `read ${files.title}`, blobs: layoutBlobs(files), signal };
  return {
    names,
    descriptor: root.descriptor,
    bytes: root.bytes,
    index: root.document.kind === 'index' ? root.document.index : undefined,
    has: async ({ digest }) => (await files.find(layoutPathOf(digest))) !== undefined,
    open: async (chosen) => openImage(chosen === undefined ? root : await readManifest(files, chosen), options),
  };
}

async function dockerContents(files: StoredFiles, selector: Selector): Promise<readonly OpenContent[]> {
  const all = (await readArchivedImages(files)).map(({ RepoTags }) => RepoTags ?? []);
  const open =
    (wanted: Selector, names: readonly string[]): OpenContent =>
    (signal) =>
      dockerContent(files, { selector: wanted, names, signal });
  if (selector.name !== undefined) return [open(selector, selector.name.startsWith('@') ? [] : [selector.name])];
  return all.map((names, index) => open({ name: `@${index}` }, names));
}

interface DockerEntry {
  readonly selector: Selector;
  readonly names: readonly string[];
  readonly signal: AbortSignal | undefined;
}

async function dockerContent(files: StoredFiles, { selector, names, signal }: DockerEntry): Promise<LocalContent> {
  const image = await openDockerFiles(files, { selector, signal });
  return {
    names,
    descriptor: image.descriptor,
    bytes: image.manifestBytes,
    index: undefined,
    has: async () => true,
    open: async () => image,
  };
}
