import { decodeIndex } from '../../registry/oci/decode.ts';
import type { Descriptor } from '../../registry/oci/descriptor.ts';
import { annotated, annotationsAt } from '../image/annotations.ts';
import type { ImageForm } from '../image/image-form.ts';
import { makeIndex } from '../image/make-manifest.ts';
import type { WholeImage } from '../image/whole-image.ts';
import type { MadeImage } from './make-image.ts';

/** What a build made in one form: one image, or an index of several platforms. */
export interface ImageSet extends WholeImage {
  readonly images: readonly MadeImage[];
  /** Of the index, or of the only manifest, with the annotations that it has where it is listed. */
  readonly descriptor: Descriptor;
}

/** Puts the images of several platforms under one index; a single image stands for itself, unless an index is wanted. */
export function imageSet(images: readonly MadeImage[], form: ImageForm, isIndex: boolean): ImageSet {
  const [only] = images;
  if (only === undefined) throw new Error('a build made no image');
  if (!isIndex) {
    const { mediaType, digest, size, annotations } = only.descriptor;
    return { images, index: undefined, descriptor: { mediaType, digest, size, ...(annotations && { annotations }) } };
  }
  const { descriptor, bytes } = makeIndex(images, { format: form.format, annotations: annotationsAt(form.annotations, 'index') });
  const index = { descriptor, bytes, index: decodeIndex(bytes, descriptor.mediaType) };
  return { images, index, descriptor: annotated(descriptor, form.annotations, 'index-descriptor') };
}
