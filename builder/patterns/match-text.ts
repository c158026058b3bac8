import { type RawPath, textOfPath } from '../../registry/oci/raw-path.ts';

/** A path in the characters that patterns are written in. Nearly all paths are ASCII, and then there is nothing to do. */
export function matchText(path: RawPath): string {
  // oxlint-disable-next-line no-control-regex
  return /^[\x00-\x7f]*$/.test(path) ? path : textOfPath(path);
}
