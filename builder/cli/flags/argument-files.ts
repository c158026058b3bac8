import { inputFile } from '../../../registry/oci/files/input-file.ts';
import { UsageError } from '../../contract/errors.ts';
import { containerfileText } from '../../inputs/containerfile-text.ts';
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
        const what = `"${name}"`;
        return { name, text: await containerfileText(inputFile(name, signal), { what, flag: '--build-arg-file', signal }) };
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof UsageError) throw error;
        throw new UsageError('--build-arg-file', `Cannot read "${name}": ${systemReason(error)}`, { cause: error });
      }
    }),
  );
}
