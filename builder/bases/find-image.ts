import { StoreError } from '../../cache/files/errors.ts';
import type { Source } from '../../parser/syntax/span.ts';
import { RegistryError } from '../../registry/errors/registry-error.ts';
import type { SourceImage } from '../../registry/oci/image-source.ts';
import { unreachable } from '../../registry/oci/unreachable.ts';
import { UsageError } from '../contract/errors.ts';
import type { ImageRequest } from '../plan/stages/image-request.ts';
import { setErrorPlace } from '../session/error-place.ts';
import type { ContextLocation } from '../settings/context-location.ts';
import type { ImageLookup } from './image-lookup.ts';
import type { FindImage } from './resolve-plan.ts';

interface ImageSearch {
  readonly lookup: Pick<ImageLookup, 'find'>;
  /** `--build-context`. */
  readonly contexts: ReadonlyMap<string, ContextLocation>;
  readonly signal: AbortSignal;
  /** Called when a registry is asked for an image that the store never had. */
  readonly onUnknown?: (() => void) | undefined;
  /** What the spans of requests point into. */
  readonly sources: readonly Source[];
}

/** Finds the images of a plan: behind a named context, or by name. Errors know where the file asks for the image. */
export function imageFinder(finding: ImageSearch): FindImage {
  return async (request) => {
    try {
      return await findImage(request, finding);
    } catch (error) {
      const isPlain = !(error instanceof RegistryError) || request.hint === undefined;
      const shown = isPlain ? error : withHint(error, request.hint);
      if (shown instanceof RegistryError || shown instanceof StoreError || shown instanceof UsageError) {
        setErrorPlace(shown, finding.sources, request.span);
      }
      throw shown;
    }
  };
}

async function findImage(request: ImageRequest, { lookup, contexts, signal, onUnknown }: ImageSearch): Promise<SourceImage> {
  const { platform } = request;
  if (request.context === undefined) return lookup.find(request.name, platform, onUnknown);
  const location = contexts.get(request.context);
  if (location === undefined) throw new Error(`there is no context "${request.context}"`);
  const { openDockerArchive, openOciArchive, openOciLayout } = await import('../../registry/local-image.ts');
  switch (location.kind) {
    case 'image':
      return lookup.find(location.reference, platform, onUnknown);
    case 'oci-layout':
      return openOciLayout(location.location, { platform, signal });
    case 'oci-archive':
      return openOciArchive(location.location, { platform, signal });
    case 'docker-archive':
      return openDockerArchive(location.location, { platform, signal });
    case 'directory':
    case 'git':
    case 'http':
    case 'stdin':
      throw new Error(`context "${request.context}" is no image`);
    default:
      return unreachable(location);
  }
}

function withHint(error: RegistryError, hint: string): RegistryError {
  return new RegistryError(error.code, error.message, { side: error.side, status: error.status, cause: error.cause, hint });
}
