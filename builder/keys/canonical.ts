import { hash } from 'node:crypto';
import { byName } from '../../registry/oci/text/sort-order.ts';

/** Data that a key can be made of. */
export type KeyMaterial =
  | string
  | number
  | boolean
  | undefined
  | readonly KeyMaterial[]
  | { readonly [name: string]: KeyMaterial };

/**
 * The one spelling of a value: JSON with the names of objects sorted. Different values have different spellings, and a value has the same
 * one whatever made it; fields that are undefined do not exist.
 */
export function canonicalText(value: KeyMaterial): string {
  if (isList(value)) return `[${value.map(canonicalText).join(',')}]`;
  if (typeof value !== 'object') return value === undefined ? 'null' : JSON.stringify(value);
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  const sorted = fields.toSorted(byName);
  return `{${sorted.map(([name, field]) => `${JSON.stringify(name)}:${canonicalText(field)}`).join(',')}}`;
}

/** sha256 of the canonical text, hex. */
export function canonicalDigest(value: KeyMaterial): string {
  return hash('sha256', canonicalText(value), 'hex');
}

/** Array.isArray does not recognise readonly arrays. */
function isList(value: KeyMaterial): value is readonly KeyMaterial[] {
  return Array.isArray(value);
}
