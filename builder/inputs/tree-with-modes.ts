import type { Pace } from '../../registry/oci/pace.ts';
import type { RawPath } from '../../registry/oci/raw-path.ts';
import type { FileTree, TreeEntry } from '../context/tree.ts';

/** A tree whose files have other modes than the disk says: a file that its owner may not read could not be read to be copied. */
export class TreeWithModes implements FileTree {
  readonly #tree: FileTree;
  readonly #modes: ReadonlyMap<RawPath, number>;

  constructor(tree: FileTree, modes: ReadonlyMap<RawPath, number>) {
    this.#tree = tree;
    this.#modes = modes;
  }

  get name(): string {
    return this.#tree.name;
  }

  lookup(path: RawPath): TreeEntry | undefined {
    const entry = this.#tree.lookup(path);
    const mode = this.#modes.get(path);
    return entry === undefined || mode === undefined ? entry : { ...entry, mode };
  }

  list(path: RawPath): readonly RawPath[] {
    return this.#tree.list(path);
  }

  async look(path: RawPath, pace: Pace): Promise<void> {
    await this.#tree.look?.(path, pace);
  }

  async expectMany(): Promise<void> {
    await this.#tree.expectMany?.();
  }

  hash(paths: Iterable<RawPath>): Promise<void> {
    return this.#tree.hash(paths);
  }

  hiddenBy(path: RawPath): string | undefined {
    return this.#tree.hiddenBy?.(path);
  }
}
