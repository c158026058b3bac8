/** Deflate reaches 1032 to 1, which layers with images of empty disks may need. */
export const layerGrowth = 1100;
/** Archives of files stay below 50 to 1; those of disk images full of zeros may be above. */
export const archiveGrowth = 200;
/** What is always allowed: small archives of zeros harm nobody. */
const freeBytes = 1 << 30;

/** True when what came out of so many bytes, decompressed or as holes of sparse files, is more than anybody needs. */
export function isOutOfProportion(
  bytes: number,
  { sizeBytes, mostGrowth }: { readonly sizeBytes: number; readonly mostGrowth: number },
): boolean {
  return bytes > freeBytes && bytes > sizeBytes * mostGrowth;
}
