import { writeFileSync } from 'node:fs';
import type { BuiltImage, BuiltManifest } from '../../../builder/image/built-image.ts';
import type { Descriptor } from '../../../registry/oci/descriptor.ts';
import { digestOf } from '../../../registry/oci/digest.ts';
import { fileBytes } from '../../../registry/oci/files/file-bytes.ts';
import { mediaType } from '../../../registry/oci/media-type.ts';
import type { TemporaryFolder } from '../../support/temporary-folder.ts';

/** An image of two layers (the bytes are no real tars) whose blobs lie in `folder`. */
export function builtImage(
  folder: TemporaryFolder,
  names: readonly string[] = [],
): BuiltManifest & { readonly names: readonly string[] } {
  const layers = ['first layer', 'second layer'].map((text) => {
    const path = folder.at(text.replace(' ', '-'));
    writeFileSync(path, text);
    return { descriptor: descriptorOf(mediaType.layerGzip, text), read: () => fileBytes(path) };
  });
  const configText = JSON.stringify({ created: '1980-01-02T00:00:00Z', architecture: 'amd64', os: 'linux' });
  const config = descriptorOf(mediaType.config, configText);
  const manifestText = JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaType.manifest,
    config,
    layers: layers.map(({ descriptor }) => descriptor),
  });
  return {
    descriptor: descriptorOf(mediaType.manifest, manifestText),
    manifestBytes: Buffer.from(manifestText),
    configDescriptor: config,
    configBytes: Buffer.from(configText),
    layers,
    names,
  };
}

/** The same image twice, as if for two platforms. */
export function twoPlatforms(folder: TemporaryFolder): BuiltImage {
  const image = builtImage(folder);
  const platforms = ['amd64', 'arm64'].map((architecture) => ({
    ...image,
    descriptor: { ...image.descriptor, platform: { os: 'linux', architecture } },
  }));
  const indexText = JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaType.index,
    manifests: platforms.map(({ descriptor }) => descriptor),
  });
  return {
    descriptor: descriptorOf(mediaType.index, indexText),
    manifestBytes: Buffer.from(indexText),
    names: ['x:1'],
    platforms,
  };
}

function descriptorOf(type: string, content: string): Descriptor {
  return { mediaType: type, digest: digestOf(content), size: Buffer.byteLength(content) };
}
