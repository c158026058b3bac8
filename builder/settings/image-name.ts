import { parseReference } from '../../registry/address/reference.ts';
import { RegistryError } from '../../registry/errors/registry-error.ts';
import { UsageError } from '../contract/errors.ts';
import { imageTransport, transportProblem } from './transport.ts';

/** Checks a name that an image is to get; gives it back as written. @throws UsageError that says which part is wrong */
export function imageName(flag: string, text: string): string {
  refuseTransport(flag, text);
  try {
    const { digest } = parseReference(text);
    if (digest === undefined) return text;
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    throw new UsageError(flag, `Cannot use ${flag} ${text}: ${reasonIn(error.message)}`, { hint: error.hint, cause: error });
  }
  throw new UsageError(flag, `Cannot use ${flag} ${text}: a digest follows from the image and cannot be given`);
}

/** What podman and skopeo write in front of a place that is no registry would be the name of an image. @throws UsageError */
export function refuseTransport(flag: string, text: string): void {
  const why = transportProblem(text);
  if (why === undefined) return;
  const { name, kind, place } = imageTransport(text) ?? {};
  throw new UsageError(flag, `Cannot use ${flag} ${text}: ${why}`, {
    hint:
      kind === 'archive'
        ? `Use --output type=${name === 'oci-archive' ? 'oci' : 'docker'},dest=${place} with build, "tsbuild copy" with an image of the store`
        : 'Images go to other tools as archives: see "tsbuild save" and --output',
  });
}

// "Cannot read reference "x": why": the first half is ours to say.
function reasonIn(message: string): string {
  return message.replace(/^Cannot [^"]*"[^"]*": /, '');
}
