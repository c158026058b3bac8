import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { type RawPath, rawPath } from '../../registry/oci/raw-path.ts';
import { type DiskStatus, statusOf } from './disk-status.ts';
import type { FolderStatuses, folderStatuses } from './folder-statuses.ts';
import { isGone, unreadable } from './unreadable.ts';

/** A folder on this machine, asked about what is below it by relative paths. What cannot be read is a SourceError 'unreadable'. */
export class DiskFolder {
  readonly #root: string;
  readonly #name: string;
  #statusesOf: typeof folderStatuses | undefined;

  /** `root` is absolute and without links; `name` is for messages. */
  constructor(root: string, name: string) {
    this.#root = root;
    this.#name = name;
  }

  /** Loads what looks at many names at once. */
  async expectMany(): Promise<void> {
    this.#statusesOf ??= (await import('./folder-statuses.ts')).folderStatuses;
  }

  /** Sorted by bytes; none where there is no folder. Of a folder that `mayBeClosed`, also when it cannot be read. */
  names(folder: RawPath, mayBeClosed: boolean): readonly RawPath[] {
    try {
      // latin1 turns each byte into one character, which is what a RawPath is.
      return readdirSync(this.path(folder), { encoding: 'latin1' }).toSorted().map(rawPath);
    } catch (error) {
      if (mayBeClosed || isGone(error)) return [];
      throw unreadable(this.#name, folder, error);
    }
  }

  /** undefined where nothing is. */
  status(path: RawPath): DiskStatus | undefined {
    return this.#orGone(path, () => {
      const stats = lstatSync(this.path(path), { bigint: true, throwIfNoEntry: false });
      return stats && statusOf(stats);
    });
  }

  /** Of names in a folder, as far as that is quick: who misses one asks for it. undefined when nothing is. */
  statuses(folder: RawPath, names: readonly RawPath[]): FolderStatuses | undefined {
    return this.#orGone(folder, () => this.#statusesOf?.(this.path(folder), names));
  }

  /** What a link says; undefined where none is. */
  target(path: RawPath): RawPath | undefined {
    return this.#orGone(path, () => rawPath(readlinkSync(this.path(path), 'latin1')));
  }

  isVanished(path: RawPath): boolean {
    try {
      return lstatSync(this.path(path), { throwIfNoEntry: false }) === undefined;
    } catch (error) {
      return isGone(error);
    }
  }

  /** Where it is on this machine: a string where it means the same bytes, since that is faster. */
  path(path: RawPath): string | Buffer {
    if (path === '') return this.#root;
    const prefix = this.#root === '/' ? '/' : `${this.#root}/`;
    // oxlint-disable-next-line no-control-regex
    if (/^[\x00-\x7f]*$/.test(path)) return prefix + path;
    return Buffer.concat([Buffer.from(prefix), Buffer.from(path, 'latin1')]);
  }

  #orGone<T>(path: RawPath, look: () => T): T | undefined {
    try {
      return look();
    } catch (error) {
      if (isGone(error)) return undefined;
      throw unreadable(this.#name, path, error);
    }
  }
}
