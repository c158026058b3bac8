import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AT_FDCWD } from '../../../native/constants.ts';
import { fchmodat, fstatat, utimensat } from '../../../native/files.ts';
import { getXattr, listXattrs, setXattr } from '../../../native/xattrs.ts';
import { constantTimeSeconds } from '../../../registry/oci/layer/constant-time.ts';
import type { Lowers } from '../../protocol/actions.ts';
import { changeOwner } from '../root/owner.ts';
import type { OverlayBackend, OverlayMount } from './backend.ts';
import { chosenBackend } from './chosen-backend.ts';

/** What mounting needs of a request's context. */
export interface RootfsContext {
  readonly warn: (message: string) => void;
}

/** A root file system that is shown as one tree, until it is disposed. */
export interface ReadOnlyRootfs extends Disposable {
  /** The merged root, absolute. */
  readonly path: string;
}

/** A root file system whose changes go to a layer folder. */
export interface MountedRootfs extends ReadOnlyRootfs {
  /** The merged root, absolute. It is mounted when this is first asked for, and again after removeLower(). */
  readonly path: string;
  /** The layer folder: it holds all changes once the file system is disposed, and before that when nobody writes. */
  readonly upper: string;
  /** Takes the tree away with everything that is mounted in it, until `path` is asked for again. */
  hide(): void;
  /** Ends writing in the tree that is mounted, also by those who hold descriptors of it. False while a file is open for writing. */
  seal(): boolean;
  /**
   * Puts a folder on top of the lower layers, in which mount points are found that the layers lack. A tree that is mounted already is
   * mounted anew, so nothing may be open in it or mounted on it.
   */
  addLower(directory: string): void;
  /** Takes such a folder away again, and lets `whileUnmounted` work on the layer folder. The same rule holds. */
  removeLower(directory: string, whileUnmounted: () => void): void;
}

interface ReadOnlyOptions {
  /** Lowest first. Duplicates are fine. */
  readonly lowers: Lowers;
  readonly context: RootfsContext;
  /** An empty folder to mount at. Without it the tree has no place: it can be read through `path`, but not bound elsewhere. */
  readonly at?: string;
  readonly backend?: OverlayBackend;
}

interface WritableOptions {
  readonly lowers: Lowers;
  readonly context: RootfsContext;
  /** `fs` (the layer folder), `work` and `merged` are made in it; the latter two are gone after disposal. */
  readonly directory: string;
  readonly backend?: OverlayBackend;
}

/**
 * Shows layers as one tree in the worker's mount namespace: with `directory` writable, else read-only. The root folder gets the
 * attributes of the topmost layer's root. Disposing it unmounts lazily, so that a busy file cannot block a failing build.
 */
export function mountRootfs(options: WritableOptions): MountedRootfs;
export function mountRootfs(options: ReadOnlyOptions): ReadOnlyRootfs;
export function mountRootfs(options: WritableOptions | ReadOnlyOptions): MountedRootfs | ReadOnlyRootfs {
  return 'directory' in options ? new WritableRootfs(options) : mountReadOnly(options);
}

/** Gives a folder the permissions, owner, extended attributes and time of another one. What belongs to overlayfs stays behind. */
export function copyDirectoryAttributes(from: string | Uint8Array, to: string | Uint8Array): void {
  const status = fstatat(AT_FDCWD, from);
  changeOwner(AT_FDCWD, to, status);
  fchmodat(AT_FDCWD, to, status.mode & 0o7777);
  for (const name of listXattrs(from, { follow: true })) {
    const value = name.startsWith('user.overlay.') ? undefined : getXattr(from, name, { follow: true });
    if (value !== undefined) setXattr(to, name, value);
  }
  utimensat(AT_FDCWD, to, { mtimeNs: status.mtimeNs });
}

/** Makes the folder of a new layer, whose root looks like that of the layer below. */
export function makeLayerFolder(folder: string, top: string | undefined): void {
  mkdirSync(folder);
  if (top === undefined) {
    chmodSync(folder, 0o755);
    utimensat(AT_FDCWD, folder, { mtimeNs: BigInt(constantTimeSeconds) * 1_000_000_000n });
  } else {
    copyDirectoryAttributes(top, folder);
  }
}

class WritableRootfs implements MountedRootfs {
  readonly upper: string;
  readonly #options: WritableOptions;
  #added: readonly string[] = [];
  #mount: OverlayMount | undefined;

  constructor(options: WritableOptions) {
    this.#options = options;
    this.upper = path.join(options.directory, 'fs');
    if (!existsSync(this.upper)) makeLayerFolder(this.upper, options.lowers.at(-1));
  }

  get path(): string {
    this.#mount ??= this.#show();
    return this.#mount.path;
  }

  hide(): void {
    if (this.#mount === undefined) return;
    this.#mount.unmount();
    this.#mount = undefined;
    removeWork(this.#at('work'));
    // Not recursive: were it still mounted, that would empty the layer.
    rmdirSync(this.#at('merged'));
    if (this.#options.lowers.length === 0) rmSync(this.#at('empty'), { recursive: true, force: true });
  }

  seal(): boolean {
    return this.#mount?.seal() ?? true;
  }

  addLower(directory: string): void {
    this.hide();
    this.#added = [...this.#added, directory];
  }

  removeLower(directory: string, whileUnmounted: () => void): void {
    this.hide();
    this.#added = this.#added.filter((other) => other !== directory);
    whileUnmounted();
  }

  [Symbol.dispose](): void {
    this.hide();
  }

  #show(): OverlayMount {
    const { backend = chosenBackend() } = this.#options;
    const [work, merged, empty] = [this.#at('work'), this.#at('merged'), this.#at('empty')];
    const lowers = topmostOnly(this.#options.lowers);
    for (const folder of lowers.length === 0 ? [work, merged, empty] : [work, merged]) {
      mkdirSync(folder, { recursive: true });
    }
    const writable = { upper: this.upper, work };
    return backend.mount({ lowers: lowers.length === 0 ? [empty] : lowers, added: this.#added, writable }, merged);
  }

  #at(name: string): string {
    return path.join(this.#options.directory, name);
  }
}

/** The kernel refuses to use the work folder of a volatile mount again. Mostly it holds this and no more, which is the fast way. */
function removeWork(work: string): void {
  try {
    unlinkSync(path.join(work, 'work/incompat/volatile/dirty'));
    for (const folder of ['work/incompat/volatile', 'work/incompat', 'work', '']) rmdirSync(path.join(work, folder));
  } catch {
    rmSync(work, { recursive: true, force: true });
  }
}

function mountReadOnly({ lowers, at, backend = chosenBackend() }: ReadOnlyOptions): ReadOnlyRootfs {
  const layers = topmostOnly(lowers);
  const isEnough = layers.length >= 2;
  // overlayfs wants two lower folders.
  const empty = isEnough ? undefined : mkdtempSync(path.join(tmpdir(), 'tsbuild-empty-'));
  const removeEmpty = (): void => (empty === undefined ? undefined : rmSync(empty, { recursive: true }));
  try {
    const mount = backend.mount({ lowers: empty === undefined ? layers : withEmpty(layers, empty), writable: undefined }, at);
    return {
      path: mount.path,
      [Symbol.dispose]() {
        mount.unmount();
        removeEmpty();
      },
    };
  } catch (error) {
    removeEmpty();
    throw error;
  }
}

/** The empty folders go below, so that the root's attributes are the layer's. */
function withEmpty(layers: readonly string[], empty: string): string[] {
  const [first, second] = [path.join(empty, '1'), path.join(empty, '2')];
  mkdirSync(first, { mode: 0o755 });
  mkdirSync(second, { mode: 0o755 });
  return [first, ...(layers.length === 0 ? [second] : layers)];
}

/** overlayfs refuses a folder that it is given twice (ELOOP), and only the topmost one can show. */
function topmostOnly(lowers: readonly string[]): string[] {
  return lowers.filter((lower, index) => lowers.lastIndexOf(lower) === index);
}
