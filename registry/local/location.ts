import { RegistryError } from '../errors/registry-error.ts';
import { type Digest, digestAlgorithms, isDigest } from '../oci/digest.ts';
import { statOptional } from './stored-files.ts';

/** A path on disk and what is wanted of what is there. */
export interface Location {
  readonly path: string;
  readonly isFolder: boolean;
  readonly selector: Selector;
}

/** Which of several images. */
export interface Selector {
  /** A tag or a whole name, as it is written there. */
  readonly name?: string;
  readonly digest?: Digest;
}

/**
 * Reads `path[:name][@digest]`. Paths and names may both hold colons, so the longest path that exists is the path. `kind` is for messages
 * (`oci-layout`); undefined where any is taken.
 *
 * @throws RegistryError `archive` when nothing is there
 */
export async function parseLocation(text: string, kind: string | undefined): Promise<Location> {
  const title = kind === undefined ? `"${text}"` : `${kind}:${text}`;
  const at = Math.max(...digestAlgorithms.map((algorithm) => text.lastIndexOf(`@${algorithm}:`)));
  const suffix = at < 0 ? undefined : text.slice(at + 1);
  if (suffix !== undefined && !isDigest(suffix)) throw problem(title, `"${suffix}" is not a digest`);
  const rest = at < 0 ? text : text.slice(0, at);
  for (let end = rest.length; end > 0; end = rest.lastIndexOf(':', end - 1)) {
    const path = rest.slice(0, end);
    const status = await statOptional(path, title);
    if (status === undefined) continue;
    const name = end < rest.length ? { name: rest.slice(end + 1) } : {};
    return { path, isFolder: status.isDirectory(), selector: { ...name, ...(suffix === undefined ? {} : { digest: suffix }) } };
  }
  throw problem(title, 'there is no such file or folder');
}

function problem(title: string, why: string): RegistryError {
  return new RegistryError('archive', `Cannot read ${title}: ${why}`, { side: 'client' });
}
