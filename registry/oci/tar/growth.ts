/** Above this the growth counts: small archives of zeros harm nobody. */
const freeBytes = 2 ** 30;
/** Deflate reaches 1032 to 1. Archives of files stay below 50 to 1; those of disk images full of zeros may be above. */
const largestRatio = 200;

/** True when so much has come out of so little that the archive is a bomb, or might as well be one. */
export function isOutOfProportion(unpackedBytes: number, packedBytes: number): boolean {
  return unpackedBytes > freeBytes && unpackedBytes > packedBytes * largestRatio;
}

/** The way out for those who mean it. */
export const growthHint = 'If that is meant, unpack it before the build and COPY its files';
