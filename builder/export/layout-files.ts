import { dirname } from 'node:path';
import { type Descriptor, nameAnnotations } from '../../registry/oci/descriptor.ts';
import { layoutPathOf } from '../../registry/oci/digest.ts';
import { mediaType } from '../../registry/oci/media-type.ts';
import { byText, sortedByName } from '../../registry/oci/text/sort-order.ts';
import { type BuiltImage, type BuiltLayer, type BuiltManifest, manifestsOf } from '../image/built-image.ts';

/** One file of an image layout. Paths are relative and ASCII. */
export type LayoutFile =
  | { readonly path: string; readonly bytes: Uint8Array }
  | {
      readonly path: string;
      readonly sizeBytes: number;
      /** As in BuiltLayer. */
      readonly read: () => AsyncIterable<Uint8Array>;
      readonly temporary: string | undefined;
    };

/** The folders that the files of a layout are in, parents first. */
export function layoutFolders(files: readonly LayoutFile[]): readonly string[] {
  const parents = files.map(({ path }) => dirname(path)).filter((folder) => folder !== '.');
  return [...new Set(['blobs', ...parents])].toSorted();
}

/** The names of the files that make a folder an image layout. (image-spec, image-layout.md) */
export const markerFile = 'oci-layout';
export const indexFile = 'index.json';

/** Content of `oci-layout`. */
export const markerText = '{"imageLayoutVersion":"1.0.0"}';

/** Every blob of an image once, sorted by path. */
export function blobFiles(image: BuiltImage): readonly LayoutFile[] {
  const files = new Map<string, LayoutFile>();
  const add = (
    descriptor: Descriptor,
    content: { readonly bytes: Uint8Array } | Pick<BuiltLayer, 'read' | 'temporary'>,
  ): void => {
    const path = layoutPathOf(descriptor.digest);
    files.set(path, 'bytes' in content ? { path, bytes: content.bytes } : layerFile(path, descriptor, content));
  };
  add(image.descriptor, { bytes: image.manifestBytes });
  for (const manifest of manifestsOf(image)) {
    add(manifest.descriptor, { bytes: manifest.manifestBytes });
    add(manifest.configDescriptor, { bytes: manifest.configBytes });
    for (const { descriptor, read, temporary } of manifest.layers) add(descriptor, { read, temporary });
  }
  return [...files.values()].toSorted((a, b) => byText(a.path, b.path));
}

function layerFile(path: string, { size }: Descriptor, { read, temporary }: Pick<BuiltLayer, 'read' | 'temporary'>): LayoutFile {
  return { path, sizeBytes: size, read, temporary };
}

/**
 * The descriptors of `index.json`: one for each name, since a name is an annotation of its descriptor. skopeo looks for the tag,
 * containerd for the whole name.
 */
export function indexEntries(image: BuiltImage): readonly Descriptor[] {
  const created = createdOf(image);
  const common = {
    ...image.descriptor.annotations,
    ...(created !== undefined && { 'org.opencontainers.image.created': created }),
  };
  if (image.names.length === 0) return [withAnnotations(image.descriptor, common)];
  return image.names.map((name) =>
    withAnnotations(image.descriptor, {
      ...common,
      [nameAnnotations.containerd]: name,
      [nameAnnotations.layout]: tagOf(name),
    }),
  );
}

/** The text of `index.json`. */
export function indexText(manifests: readonly Descriptor[]): string {
  return JSON.stringify({ schemaVersion: 2, mediaType: mediaType.index, manifests });
}

/** The text of docker's `manifest.json`, which names the blobs of the layout. */
export function dockerManifestText(manifest: BuiltManifest, names: readonly string[]): string {
  return JSON.stringify([
    {
      Config: layoutPathOf(manifest.configDescriptor.digest),
      RepoTags: names.length === 0 ? null : names,
      Layers: manifest.layers.map(({ descriptor }) => layoutPathOf(descriptor.digest)),
    },
  ]);
}

/** The tag in a full reference; the digest's text when it has no tag. */
function tagOf(name: string): string {
  const [withoutDigest = '', digest] = name.split('@');
  const colon = withoutDigest.lastIndexOf(':');
  return colon > withoutDigest.lastIndexOf('/') ? withoutDigest.slice(colon + 1) : (digest ?? 'latest');
}

function withAnnotations(descriptor: Descriptor, annotations: Readonly<Record<string, string>>): Descriptor {
  const { mediaType: type, digest, size, platform } = descriptor;
  const hasAny = Object.keys(annotations).length > 0;
  return {
    mediaType: type,
    digest,
    size,
    ...(hasAny && { annotations: sortedByName(annotations) }),
    ...(platform && { platform }),
  };
}

function createdOf(image: BuiltImage): string | undefined {
  const config: unknown = JSON.parse(
    new TextDecoder().decode(manifestsOf(image)[0]?.configBytes ?? new Uint8Array([0x7b, 0x7d])),
  );
  const isObject = typeof config === 'object' && config !== null;
  return isObject && 'created' in config && typeof config.created === 'string' ? config.created : undefined;
}
