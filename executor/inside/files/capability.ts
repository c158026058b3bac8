/** The one attribute that goes into layers. (capabilities(7), "File capabilities") */
export const capabilityXattr = 'security.capability';

const revisionMask = 0xff000000;
const revision2 = 0x02000000;
const revision3 = 0x03000000;
const bytesOfRevision2 = 20;

/**
 * Capabilities as layers hold them. The third revision names the root user of a namespace; inside that namespace the kernel shows the
 * second, and so does everything that is not on a disk.
 */
export function portableCapability(value: Buffer): Buffer {
  const magic = value.length >= 4 ? value.readUInt32LE(0) : 0;
  if ((magic & revisionMask) >>> 0 !== revision3) return value;
  const portable = Buffer.from(value.subarray(0, bytesOfRevision2));
  portable.writeUInt32LE(((magic & ~revisionMask) | revision2) >>> 0, 0);
  return portable;
}
