import type { Diagnostic } from '../../parser/errors.ts';
import { formatPlatform } from '../../parser/platform.ts';
import type { Span } from '../../parser/span.ts';
import type { SourceImage } from '../../registry/oci/image-source.ts';
import type { ImageRequest } from './image-request.ts';
import { platformOfImage } from './stage-state.ts';

/** BuildKit's check InvalidBaseImagePlatform: the image is for something else than was asked for. The variant does not count. */
export function basePlatformWarning(image: SourceImage, request: ImageRequest, span: Span): Diagnostic | undefined {
  const actual = platformOfImage(image);
  const expected = request.platform;
  if (actual.os === expected.os && actual.architecture === expected.architecture) return undefined;
  const found = `platform "${formatPlatform(actual)}", expected "${formatPlatform(expected)}" for current build`;
  return {
    severity: 'warning',
    code: 'InvalidBaseImagePlatform',
    message: `Base image ${request.name} was pulled with ${found}`,
    span,
  };
}
