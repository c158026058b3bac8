import { openDockerFiles } from './local/docker-archive.ts';
import { openLayout } from './local/layout.ts';
import { type Location, parseLocation } from './local/location.ts';
import { folderFiles, type StoredFiles } from './local/stored-files.ts';
import { tarFiles } from './local/tar-files.ts';
import type { SourceImage } from './oci/image-source.ts';
import type { Platform } from './oci/platform.ts';

export interface LocalImageOptions {
  readonly platform: Platform;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens `path[:name][@digest]` of an OCI layout: a folder, or an archive of one (plain or gzip). Layers are read from there when they are
 * opened; nothing is unpacked.
 *
 * @throws RegistryError
 */
export async function openOciLayout(location: string, options: LocalImageOptions): Promise<SourceImage> {
  const place = await parseLocation(location, 'oci-layout');
  const files = await filesAt(place, 'oci-layout');
  return openLayout(files, { ...options, selector: place.selector });
}

/** As `openOciLayout`, under the name that people give archives. */
export async function openOciArchive(location: string, options: LocalImageOptions): Promise<SourceImage> {
  const place = await parseLocation(location, 'oci-archive');
  const files = await filesAt(place, 'oci-archive');
  return openLayout(files, { ...options, selector: place.selector });
}

/** Opens `path[:name]` of an archive as `docker save` writes it, old or new (plain or gzip); `:@N` counts images from 0. @throws RegistryError */
export async function openDockerArchive(location: string, options: LocalImageOptions): Promise<SourceImage> {
  const place = await parseLocation(location, 'docker-archive');
  const files = await filesAt(place, 'docker-archive');
  return openDockerFiles(files, { ...options, selector: place.selector });
}

async function filesAt(place: Location, kind: string): Promise<StoredFiles> {
  const title = `${kind}:${place.path}`;
  return place.isFolder ? folderFiles(place.path, title) : tarFiles(place.path, title);
}
