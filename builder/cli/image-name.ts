import { RegistryError } from '../../registry/errors.ts';
import { parseReference } from '../../registry/reference.ts';
import { UsageError } from '../errors.ts';

/** Checks a name that an image is to get; gives it back as written. @throws UsageError that says which part is wrong */
export function imageName(flag: string, text: string): string {
  try {
    const { digest } = parseReference(text);
    if (digest === undefined) return text;
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    throw new UsageError(flag, `Cannot use ${flag} ${text}: ${reasonIn(error.message)}`, { hint: error.hint, cause: error });
  }
  throw new UsageError(flag, `Cannot use ${flag} ${text}: a digest follows from the image and cannot be given`);
}

// "Cannot read reference "x": why": the first half is ours to say.
function reasonIn(message: string): string {
  return message.replace(/^Cannot [^"]*"[^"]*": /, '');
}
