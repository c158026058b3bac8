import { realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { isBelow } from '../../registry/oci/text/path-below.ts';
import { UsageError } from '../contract/errors.ts';

/**
 * True when a file, which is named inside the folder of a context, is really elsewhere, by a link of its own or of a folder above it:
 * whoever made the context chose it, not the user. A file that is not there leads nowhere.
 *
 * @throws UsageError when it is no regular file, since a pipe would be waited for, for ever; what the user names outside of the context may
 * be anything
 */
export async function leadsOut(file: string, context: string): Promise<boolean> {
  try {
    const root = await realpath(context);
    const named = path.resolve(file);
    if (!isBelow(named, path.resolve(context)) && !isBelow(named, root)) return false;
    const real = await realpath(file);
    const stats = await stat(real);
    if (stats.isFile() || stats.isDirectory()) return !isBelow(real, root);
  } catch {
    // Reading it says why it cannot be read.
    return false;
  }
  throw new UsageError('--file', `Cannot read Containerfile "${file}": it is no regular file`);
}
