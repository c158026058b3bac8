import { inputText } from '../../../registry/oci/files/input-file.ts';
import { UsageError } from '../../contract/errors.ts';
import { systemReason } from '../../show/system-reason.ts';
import type { ParsedFlags } from './parse-flags.ts';

/** The texts of the --build-arg-file files, in order. @throws UsageError */
export async function readArgumentFiles(
  parsed: ParsedFlags,
  signal: AbortSignal,
): Promise<readonly { readonly name: string; readonly text: string }[]> {
  return Promise.all(
    parsed.all('--build-arg-file').map(async (name) => {
      try {
        return { name, text: await inputText(name, signal) };
      } catch (error) {
        signal.throwIfAborted();
        throw new UsageError('--build-arg-file', `Cannot read "${name}": ${systemReason(error)}`, { cause: error });
      }
    }),
  );
}
