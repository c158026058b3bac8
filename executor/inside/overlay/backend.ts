/** Folders that make up one tree. */
export interface OverlayLayers {
  /** Lowest first, without duplicates; may be empty. Absolute. */
  readonly lowers: readonly string[];
  /** On top of these, for this showing alone. */
  readonly added?: readonly string[];
  /** Where changes go; without it the tree is read-only. */
  readonly writable: { readonly upper: string; readonly work: string } | undefined;
}

/** A way to show several layer folders as one tree. Each passes the suite in test/executor/inside/overlay/conformance.ts. */
export interface OverlayBackend {
  readonly name: string;
  /** A tree that is not shown any more becomes that of the next step, so that nobody should keep one. Default: false. */
  readonly growsIdleTrees?: boolean;
  /**
   * Shows the layers at the empty folder `target`, or, if that is undefined and the layers are read-only, anywhere. The layer folders
   * spell deletions as overlayfs does with `userxattr`: whiteouts are character devices 0:0, opaque folders carry
   * `user.overlay.opaque` = `y`; the upper folder comes to hold the same.
   */
  mount(layers: OverlayLayers, target: string | undefined): OverlayMount;
}

/** A tree that is shown. */
export interface OverlayMount {
  readonly path: string;
  /**
   * Ends all writing, by everybody who can reach the tree, for good. False while somebody has something in it open for writing. Only for a tree
   * with a target.
   */
  seal(): boolean;
  /** Takes the tree away, with everything mounted in it, even when files in it are still open. The upper folder is then complete. */
  unmount(): void;
}
