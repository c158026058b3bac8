/** How a step gets the tree that it changes: as an overlay of the kernel or of a program, or as a full copy. */
export type StorageKind = 'overlay' | 'fuse-overlayfs' | 'copy';

export const storageKinds: readonly StorageKind[] = ['overlay', 'fuse-overlayfs', 'copy'];

/** What the worker uses, and why nothing better where that was tried. */
export interface StorageChoice {
  readonly kind: StorageKind;
  readonly reason?: string | undefined;
}
