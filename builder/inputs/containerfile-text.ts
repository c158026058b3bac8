import { UsageError } from '../contract/errors.ts';
import { untilAborted } from '../session/until-aborted.ts';

/** A Containerfile is text that people write: what is longer is something else. BuildKit takes no longer ones either (its gRPC messages). */
export const largestContainerfileBytes: number = 16 * 1024 * 1024;

/** What a source holds, as text. @throws UsageError about `what` when it is too long, and the signal's reason */
export async function containerfileText(
  source: AsyncIterable<Uint8Array>,
  { what, flag = '--file', signal }: { readonly what: string; readonly flag?: string; readonly signal: AbortSignal },
): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of untilAborted(source, signal)) {
    bytes += chunk.length;
    if (bytes > largestContainerfileBytes) throw new UsageError(flag, `Cannot read ${what}: it is larger than 16 MiB`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
