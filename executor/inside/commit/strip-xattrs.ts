import { fgetXattr, flistXattrs, fremoveXattr } from '../../../native/xattrs.ts';
import { capabilityXattr, portableCapability } from '../files/capability.ts';
import { encodeXattrs } from '../layer/layer-header.ts';
import { opaqueXattr } from '../layer/whiteouts.ts';

/** What is left of a file's extended attributes. */
export interface KeptXattrs {
  readonly isOpaque: boolean;
  readonly kept: { readonly xattrs?: Readonly<Record<string, string>> };
}

const nothing: KeptXattrs = { isOpaque: false, kept: {} };

/**
 * Removes from an open file of a layer folder what its layer will not hold, so that the next step sees what the layer says: all of
 * `user.*` and POSIX ACLs. Like BuildKit, layers keep `security.capability` and nothing else. What belongs to security modules or to
 * the host stays on disk and out of the layer.
 */
export function keptXattrs(fd: number): KeptXattrs {
  const names = flistXattrs(fd);
  if (names.length === 0) return nothing;
  const isOpaque = names.includes(opaqueXattr) && fgetXattr(fd, opaqueXattr)?.toString() === 'y';
  for (const name of names) {
    if ((name.startsWith('user.') || name.startsWith('system.posix_acl_')) && !(isOpaque && name === opaqueXattr)) {
      fremoveXattr(fd, name);
    }
  }
  const capability = names.includes(capabilityXattr) ? fgetXattr(fd, capabilityXattr) : undefined;
  return {
    isOpaque,
    kept: capability === undefined ? {} : encodeXattrs(new Map([[capabilityXattr, portableCapability(capability)]])),
  };
}
