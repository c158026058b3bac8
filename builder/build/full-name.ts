import { formatReference, parseReference, withDefaultTag } from '../../registry/address/reference.ts';

/** A name as the store, archives and results have it: with registry and tag. Throws RegistryError for what is no name. */
export function fullName(name: string): string {
  return formatReference(withDefaultTag(parseReference(name)));
}
