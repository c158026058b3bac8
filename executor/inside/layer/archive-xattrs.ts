import { noXattrs, type TarHeader } from '../../../registry/oci/tar/header.ts';
import { capabilityXattr } from '../files/capability.ts';
import { overlayXattrPrefix } from './whiteouts.ts';

/**
 * The attributes of an archive's entry that are put on disk: capabilities and those of users. What belongs to overlayfs would let an
 * archive hide or redirect files; labels of security modules and POSIX ACLs mean nothing on another machine. Links and special files
 * cannot have any of these. (xattr(7))
 */
export function xattrsOnDisk({ type, xattrs }: TarHeader): ReadonlyMap<string, Uint8Array> {
  if (xattrs.size === 0 || (type !== 'file' && type !== 'directory')) return noXattrs;
  return new Map([...xattrs].filter(([name]) => keepsXattr(name)));
}

/** True for an attribute that files keep when they are unpacked or copied. */
export function keepsXattr(name: string): boolean {
  return name === capabilityXattr || (name.startsWith('user.') && !name.startsWith(overlayXattrPrefix));
}
