import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { Descriptor } from '../../registry/oci/descriptor.ts';
import { digestOf } from '../../registry/oci/digest.ts';
import { mediaType } from '../../registry/oci/media-type.ts';
import type { Platform } from '../../registry/oci/platform.ts';
import type { FakeRegistry } from './fake-registry.ts';

/** An image of which every byte is in memory. Layers are noise: nothing here unpacks them. */
export interface TestImage {
  readonly manifest: { readonly bytes: Uint8Array; readonly type: string };
  readonly descriptor: Descriptor;
  readonly config: Uint8Array;
  readonly layers: readonly Uint8Array[];
  readonly layerDescriptors: readonly Descriptor[];
}

export interface TestImageOptions {
  readonly platform?: Platform;
  /** Bytes of each layer. */
  readonly layerSizes?: readonly number[];
  readonly isDocker?: boolean;
}

/** Makes an image that is like no other. */
export function testImage({ platform, layerSizes = [5000, 70_000], isDocker = false }: TestImageOptions = {}): TestImage {
  const tars = layerSizes.map((size) => randomBytes(size));
  const layers = tars.map((tar) => gzipSync(tar, { level: 1 }));
  const layerType = isDocker ? mediaType.dockerLayerGzip : mediaType.layerGzip;
  const layerDescriptors = layers.map((bytes) => describe(bytes, layerType));
  const config = json({
    architecture: 'amd64',
    os: 'linux',
    ...platform,
    config: { Env: ['A=1'] },
    rootfs: { type: 'layers', diff_ids: tars.map(digestOf) },
  });
  const type = isDocker ? mediaType.dockerManifest : mediaType.manifest;
  const configDescriptor = describe(config, isDocker ? mediaType.dockerConfig : mediaType.config);
  const bytes = json({ schemaVersion: 2, mediaType: type, config: configDescriptor, layers: layerDescriptors });
  const descriptor = { ...describe(bytes, type), ...(platform === undefined ? {} : { platform }) };
  return { manifest: { bytes, type }, descriptor, config, layers, layerDescriptors };
}

/** Puts an image into the fake registry, as if somebody had pushed it. */
export function plant(
  registry: FakeRegistry,
  name: { readonly repository: string; readonly tag: string },
  image: TestImage,
): void {
  for (const blob of [image.config, ...image.layers]) registry.addBlob(name.repository, blob);
  registry.addManifest(name.repository, name.tag, image.manifest);
}

/** An index of images, as bytes. */
export function testIndex(entries: readonly Descriptor[]): { readonly bytes: Uint8Array; readonly type: string } {
  return { bytes: json({ schemaVersion: 2, mediaType: mediaType.index, manifests: entries }), type: mediaType.index };
}

/** Describes bytes. */
export function describe(bytes: Uint8Array, type: string): Descriptor {
  return { mediaType: type, digest: digestOf(bytes), size: bytes.byteLength };
}

/** A document as the bytes of its JSON. */
export function json(document: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(document));
}

/** All bytes of a stream. */
export async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}
