import { suggest } from '../../parser/mistakes/suggest.ts';
import { ownValue } from '../../registry/oci/own-value.ts';
import { unreachable } from '../../registry/oci/unreachable.ts';
import { UsageError } from '../contract/errors.ts';
import type { ImageFileOutput } from '../export/export-image.ts';
import { imageTransport } from '../settings/transport.ts';

/** Where an image is, or is to be. */
export type ImageLocation =
  | { readonly kind: 'registry'; readonly name: string }
  | { readonly kind: 'store'; readonly name: string }
  /** `path[:name][@digest]`. */
  | { readonly kind: 'oci-layout' | 'oci-archive' | 'docker-archive'; readonly place: string };

const kinds: Readonly<Record<string, ImageLocation['kind']>> = {
  docker: 'registry',
  store: 'store',
  oci: 'oci-layout',
  'oci-layout': 'oci-layout',
  'oci-archive': 'oci-archive',
  'docker-archive': 'docker-archive',
};

/** Reads `docker://NAME`, `store:NAME`, `oci:PATH[:NAME]`, `oci-archive:PATH[:NAME]` or `docker-archive:PATH[:NAME]`. @throws UsageError */
export function parseImageLocation(text: string): ImageLocation {
  const colon = text.indexOf(':');
  const scheme = text.slice(0, Math.max(0, colon));
  const rest = text.slice(colon + 1);
  const kind = ownValue(kinds, scheme);
  if (kind === undefined) throw unknownKind(text, scheme);
  const place = kind === 'registry' || rest.startsWith('//') ? rest.replace(/^\/\//, '') : rest;
  if (place === '') throw new UsageError(text, `Cannot use "${text}": nothing stands after "${scheme}:"`);
  if (kind === 'registry' && !rest.startsWith('//')) {
    throw new UsageError(text, `Cannot use "${text}": two slashes are missing`, { hint: `Write docker://${rest}` });
  }
  if (kind === 'registry' || kind === 'store') return { kind, name: place };
  if (/^-(?::|$)/.test(place)) throw standardStream(text, scheme);
  return { kind, place };
}

/** The archive or folder of a location that is written to, and the name that the image gets there. */
export function fileOutputOf({ kind, place }: Extract<ImageLocation, { readonly place: string }>): {
  readonly output: ImageFileOutput;
  readonly name: string | undefined;
} {
  // The path ends at the first colon, since nothing may be there yet that would tell.
  const colon = place.indexOf(':');
  const destination = colon < 0 ? place : place.slice(0, colon);
  const name = colon < 0 ? undefined : place.slice(colon + 1);
  const output: ImageFileOutput =
    kind === 'docker-archive' ? { kind: 'docker', destination } : { kind: 'oci', destination, isArchive: kind === 'oci-archive' };
  return { output, name };
}

function standardStream(text: string, scheme: string): UsageError {
  return new UsageError(text, `Cannot use "${text}": a place is a file or folder, and "-" is none`, {
    hint: `"tsbuild save" writes to standard output and "tsbuild load" reads standard input; a file of this name is ${scheme}:./-`,
  });
}

function unknownKind(text: string, scheme: string): UsageError {
  const elsewhere = otherPlace(text);
  if (elsewhere !== undefined) return elsewhere;
  const nearest = scheme === '' ? undefined : suggest(scheme, Object.keys(kinds));
  const isName = !/^[a-z][a-z-]*$/.test(scheme) || nearest === undefined;
  return new UsageError(text, `Cannot use "${text}": it does not say what kind of place it is`, {
    hint: isName
      ? `Write docker://${text} for a registry, store:${text} for the store, or oci:, oci-archive: or docker-archive: and a path`
      : `Did you mean "${nearest}:"?`,
  });
}

/** What skopeo and docker buildx have besides, where it has a way of its own here. */
function otherPlace(text: string): UsageError | undefined {
  const transport = imageTransport(text);
  if (transport === undefined) return undefined;
  switch (transport.kind) {
    case 'engine': {
      const isDocker = transport.name === 'docker-daemon';
      const [tool, save, kind] = isDocker
        ? ['docker', 'docker save', 'docker-archive']
        : ['podman', 'podman save --format oci-archive', 'oci-archive'];
      return new UsageError(text, `Cannot use "${text}": the images of ${tool} are its own`, {
        hint: `Go by a file: "${save}" writes one, "${tool} load" reads one, and here it is ${kind}:FILE`,
      });
    }
    case 'folder':
      return new UsageError(text, `Cannot use "${text}": a folder of blobs without an index is no place for an image`, {
        hint: `Use an image layout, which "skopeo copy" reads and writes as well: oci:${transport.place}`,
      });
    case 'registry':
      return new UsageError(text, `Cannot use "${text}": it is written in another way here`, {
        hint: `Write docker://${transport.place.replace(/^\/\//, '')}`,
      });
    case 'archive':
    case 'layout':
      return undefined;
    default:
      return unreachable(transport.kind);
  }
}
