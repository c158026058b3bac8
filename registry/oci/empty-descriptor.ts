import type { Descriptor } from './descriptor.ts';
import { digestOf } from './digest.ts';
import { mediaType } from './media-type.ts';

/** The content that stands for "nothing" where a blob is required. (image-spec, manifest.md "Guidance for an Empty Descriptor") */
export const emptyBytes: Uint8Array = Buffer.from('{}');

/** Describes `emptyBytes`. */
export const emptyDescriptor: Descriptor = {
  mediaType: mediaType.empty,
  digest: digestOf(emptyBytes),
  size: emptyBytes.byteLength,
};
